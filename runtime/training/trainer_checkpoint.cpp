#include <algorithm>
#include <utility>

#include "runtime/training/atomic_file.h"
#include "runtime/training/trainer.h"

namespace tapeloop {
namespace {

constexpr const char* kSteps = "opt/steps";
constexpr const char* kCarried = "state/";

std::string slot_prefix(const TrainSpec& spec, const std::string& slot) { return "opt/" + spec.optimizer.name + "/" + slot + "/"; }

}  // namespace

template <class T>
void Trainer<T>::append_optimizer(TensorFile& file) const {
  const std::int64_t steps = optimizer_->steps();
  file.tensors.push_back(make_tensor<std::int64_t>(kSteps, {}, std::span(&steps, 1)));
  Parameters<T> values = parameters_;
  for (const auto& slot : optimizer_->slots()) {
    std::copy(slot.values.begin(), slot.values.end(), values.block().begin());
    values.append_to(file, slot_prefix(spec_, slot.name));
  }
}

template <class T>
TensorFile Trainer<T>::checkpoint() const {
  TensorFile file;
  parameters_.append_to(file);
  append_optimizer(file);
  if (state_.best_epoch > 0) best_.append_to(file, "best/");
  if (state_.averaged > 0) average_.append_to(file, "average/");
  if (state_.waiting > 0) sum_.append_to(file, "sum/");
  if (state_.position > 0) {
    for (const auto& [name, array] : chunked_->kept()) file.tensors.push_back(make_tensor<T>(kCarried + name, array.dims, array.data));
  }
  FitState state = state_;
  state.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  append_to(file, state);
  return file;
}

template <class T>
void Trainer<T>::restore_optimizer(const TensorFile& file, const std::string& path) {
  optimizer_->set_steps(checkpoint_count(file, kSteps, path));
  Parameters<T> values = parameters_;
  for (const auto& slot : optimizer_->slots()) {
    values.take_from(file, path, slot_prefix(spec_, slot.name));
    std::copy(values.block().begin(), values.block().end(), slot.values.begin());
  }
}

template <class T>
void Trainer<T>::restore_carried(const TensorFile& file, const std::string& path) {
  std::map<std::string, Array<T>> kept;
  const std::string prefix = kCarried;
  for (const Tensor& tensor : file.tensors) {
    if (!tensor.name.starts_with(prefix)) continue;
    std::int64_t count = 1;
    for (const std::int64_t dim : tensor.dims) count *= dim;  // the file's reader has checked the product
    kept[tensor.name.substr(prefix.size())] = {tensor.dims, checkpoint_values<T>(file, tensor.name, count, path)};
  }
  try {
    chunked_->set_kept(std::move(kept));
  } catch (const std::invalid_argument& error) {
    throw FileError("E0908", path, error.what());
  }
}

template <class T>
void Trainer<T>::restore(const TensorFile& file, const std::string& path) {
  const FitState state = read_fit_state(file, path);
  if ((state.waiting > 0 && spec_.accumulate == 1) || (state.position > 0 && !spec_.truncate)) {
    throw FileError("E0908", path, "was written in the middle of a step that this training does not have");
  }
  parameters_.take_from(file, path);
  best_ = average_ = parameters_;
  restore_optimizer(file, path);
  if (state.best_epoch > 0) best_.take_from(file, path, "best/");
  if (state.averaged > 0) average_.take_from(file, path, "average/");
  if (state.waiting > 0) sum_.take_from(file, path, "sum/");
  if (state.position > 0) restore_carried(file, path);
  state_ = state;
  restored_ = true;
}

template TensorFile Trainer<float>::checkpoint() const;
template TensorFile Trainer<double>::checkpoint() const;
template void Trainer<float>::restore(const TensorFile&, const std::string&);
template void Trainer<double>::restore(const TensorFile&, const std::string&);
template void Trainer<float>::append_optimizer(TensorFile&) const;
template void Trainer<double>::append_optimizer(TensorFile&) const;
template void Trainer<float>::restore_optimizer(const TensorFile&, const std::string&);
template void Trainer<double>::restore_optimizer(const TensorFile&, const std::string&);
template void Trainer<float>::restore_carried(const TensorFile&, const std::string&);
template void Trainer<double>::restore_carried(const TensorFile&, const std::string&);

}  // namespace tapeloop
