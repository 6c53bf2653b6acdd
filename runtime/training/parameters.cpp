#include "runtime/training/parameters.h"

#include <algorithm>
#include <new>
#include <stdexcept>

#include "core/diagnostics.h"
#include "runtime/training/atomic_file.h"
#include "runtime/training/initialisers.h"

namespace tapeloop {
namespace {

constexpr std::size_t kAlignment = 64;  // bytes: a cache line, and the widest vector

std::size_t product(const std::vector<std::int64_t>& dims) {
  std::size_t result = 1;
  for (const std::int64_t dim : dims) result *= static_cast<std::size_t>(dim);
  return result;
}

}  // namespace

std::string dims_text(const std::vector<std::int64_t>& dims) {
  std::string text = "[";
  for (const std::int64_t dim : dims) text += (text.size() > 1 ? ", " : "") + std::to_string(dim);
  return text + "]";
}

std::vector<ParameterSpec> parameter_specs(const Plan& plan) {
  std::vector<ParameterSpec> specs;
  for (const NodeId id : plan.parameters) {
    const PlanValue& value = plan.value(id);
    specs.push_back({value.name, numbers(plan.sizes.resolve(value.shape)), value.init});
  }
  return specs;
}

template <class T>
void Parameters<T>::Free::operator()(T* block) const {
  ::operator delete[](block, std::align_val_t{kAlignment});
}

template <class T>
auto Parameters<T>::allocate(std::size_t elements) -> std::unique_ptr<T[], Free> {
  auto* block = static_cast<T*>(::operator new[](std::max<std::size_t>(elements, 1) * sizeof(T), std::align_val_t{kAlignment}));
  std::fill_n(block, elements, T{0});
  return std::unique_ptr<T[], Free>(block);
}

template <class T>
Parameters<T>::Parameters(std::vector<ParameterSpec> specs) {
  constexpr std::size_t kStep = kAlignment / sizeof(T);
  for (ParameterSpec& spec : specs) {
    const std::size_t size = product(spec.dims);
    entries_.push_back({std::move(spec), size_, size});
    size_ += (size + kStep - 1) / kStep * kStep;
  }
  block_ = allocate(size_);
}

template <class T>
Parameters<T>::Parameters(const Parameters& other) : entries_(other.entries_), size_(other.size_), block_(allocate(other.size_)) {
  std::copy_n(other.block_.get(), size_, block_.get());
}

template <class T>
Parameters<T>& Parameters<T>::operator=(const Parameters& other) {
  if (this == &other) return *this;
  if (size_ != other.size_ || !block_) block_ = allocate(other.size_);
  entries_ = other.entries_;
  size_ = other.size_;
  std::copy_n(other.block_.get(), size_, block_.get());
  return *this;
}

template <class T>
void Parameters<T>::initialise(std::uint64_t seed) {
  for (std::size_t k = 0; k < entries_.size(); ++k) {
    const ParameterSpec& spec = entries_[k].spec;
    tapeloop::initialise<T>(spec.init, spec.dims, seed, spec.name, values(k));
  }
}

template <class T>
void Parameters<T>::fill(T value) {
  for (std::size_t k = 0; k < entries_.size(); ++k) std::fill_n(values(k).data(), entries_[k].size, value);
}

template <class T>
std::size_t Parameters<T>::count() const {
  std::size_t total = 0;
  for (const Entry& entry : entries_) total += entry.size;
  return total;
}

template <class T>
auto Parameters<T>::find(std::string_view name) const -> const Entry* {
  const auto at = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.spec.name == name; });
  return at == entries_.end() ? nullptr : &*at;
}

template <class T>
Array<T> Parameters<T>::get(std::string_view name) const {
  const Entry* entry = find(name);
  if (!entry) throw std::invalid_argument("no parameter '" + std::string(name) + "'");
  const std::span<const T> from = block().subspan(entry->offset, entry->size);
  return {entry->spec.dims, {from.begin(), from.end()}};
}

template <class T>
void Parameters<T>::set(std::string_view name, const Array<T>& array) {
  const Entry* entry = find(name);
  if (!entry) throw std::invalid_argument("no parameter '" + std::string(name) + "'");
  if (array.dims != entry->spec.dims || array.data.size() != entry->size) {
    throw std::invalid_argument("parameter '" + std::string(name) + "' is " + dims_text(entry->spec.dims) + ", not " +
                                dims_text(array.dims));
  }
  std::copy(array.data.begin(), array.data.end(), block().subspan(entry->offset).begin());
}

template <class T>
void Parameters<T>::append_to(TensorFile& file, const std::string& prefix) const {
  for (std::size_t k = 0; k < entries_.size(); ++k) {
    file.tensors.push_back(make_tensor<T>(prefix + entries_[k].spec.name, entries_[k].spec.dims, values(k)));
  }
}

template <class T>
void Parameters<T>::take_from(const TensorFile& file, const std::string& path, const std::string& prefix) {
  std::string problems;
  const auto add = [&](const std::string& what) { problems += (problems.empty() ? "" : "; ") + what; };
  std::vector<std::string> strangers;  // arrays under this prefix that the model does not have
  for (const Tensor& tensor : file.tensors) {
    const std::string_view name = tensor.name;
    const bool ours = name.starts_with(prefix) && name.find('/', prefix.size()) == std::string::npos;
    if (ours && !find(name.substr(prefix.size()))) strangers.push_back(tensor.name);
  }
  for (const Entry& entry : entries_) {
    const std::string name = prefix + entry.spec.name;
    const Tensor* tensor = file.find(name);
    if (!tensor) {
      add("'" + name + "' is missing" + did_you_mean(name, strangers));
    } else if (tensor->dims != entry.spec.dims) {
      add("'" + name + "' is " + dims_text(tensor->dims) + "; the model has " + dims_text(entry.spec.dims));
    } else if (tensor->dtype != "F32" && tensor->dtype != "F64") {
      add("'" + name + "' has dtype " + tensor->dtype + "; expected F32 or F64");
    }
  }
  for (const std::string& name : strangers) add("the model has no '" + name + "'");
  if (!problems.empty()) throw FileError("E0906", path, problems, "these weights belong to another model, or to other options of this one");
  for (std::size_t k = 0; k < entries_.size(); ++k) {
    const std::vector<T> from = tensor_values<T>(*file.find(prefix + entries_[k].spec.name));
    std::copy(from.begin(), from.end(), values(k).begin());
  }
}

template class Parameters<float>;
template class Parameters<double>;

}  // namespace tapeloop
