// The learned numbers of a model: named arrays, end to end in one block, so that an optimizer walks over all of them at once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/array.h"
#include "core/graph.h"
#include "core/plan.h"
#include "runtime/training/safetensors.h"

namespace tapeloop {

struct ParameterSpec {
  std::string name;
  std::vector<std::int64_t> dims;
  Init init;
};
// In the plan's order. REQUIRES: plan.executable
std::vector<ParameterSpec> parameter_specs(const Plan& plan);

std::string dims_text(const std::vector<std::int64_t>& dims);  // "[2, 3]"

// Copies are deep. The block starts, and each array in it, at a multiple of 64 bytes; what lies between is zero and stays so.
template <class T>
class Parameters {
 public:
  struct Entry {
    ParameterSpec spec;
    std::size_t offset = 0;  // elements
    std::size_t size = 0;    // elements
  };

  Parameters() = default;
  explicit Parameters(std::vector<ParameterSpec> specs);  // zeros
  explicit Parameters(const Plan& plan) : Parameters(parameter_specs(plan)) {}
  Parameters(const Parameters& other);
  Parameters& operator=(const Parameters& other);
  Parameters(Parameters&&) noexcept = default;
  Parameters& operator=(Parameters&&) noexcept = default;
  ~Parameters() = default;

  // Every array as its Init says.
  void initialise(std::uint64_t seed);
  void fill(T value);  // the arrays only

  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t count() const;  // learned numbers
  const Entry* find(std::string_view name) const;

  std::span<T> block() { return {block_.get(), size_}; }  // with the zeros between
  std::span<const T> block() const { return {block_.get(), size_}; }
  std::span<T> values(std::size_t entry) { return block().subspan(entries_[entry].offset, entries_[entry].size); }
  std::span<const T> values(std::size_t entry) const { return block().subspan(entries_[entry].offset, entries_[entry].size); }

  // Throw std::invalid_argument: no such parameter, other dimensions.
  Array<T> get(std::string_view name) const;
  void set(std::string_view name, const Array<T>& array);

  // Each array under its name, with `prefix` in front ("opt/adam/m/").
  void append_to(TensorFile& file, const std::string& prefix = {}) const;
  // All of them, or none: throws FileError E0906 with every name that is missing, too many (unless it has a '/': state kept
  // beside the parameters) or of another shape. F32 and F64 are both read. `path` is for messages.
  void take_from(const TensorFile& file, const std::string& path, const std::string& prefix = {});

 private:
  struct Free {
    void operator()(T* block) const;
  };
  static std::unique_ptr<T[], Free> allocate(std::size_t elements);

  std::vector<Entry> entries_;
  std::size_t size_ = 0;
  std::unique_ptr<T[], Free> block_;
};

extern template class Parameters<float>;
extern template class Parameters<double>;

}  // namespace tapeloop
