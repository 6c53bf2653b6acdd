#include "runtime/buffers.h"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <string>

#include "core/diagnostics.h"

namespace tapeloop {
namespace {

[[noreturn]] void raise_too_large(const std::string& needed, std::int64_t max_bytes) {
  Diagnostics diagnostics;
  diagnostics.error("E0711", {},
                    "this batch needs " + needed + " of memory, and a run may take " + std::to_string(max_bytes >> 20) + " MiB",
                    "use a smaller batch or shorter sequences");
  throw ModelError(diagnostics.sorted());
}

}  // namespace

template <class T>
Buffers<T>::Buffers(const Plan& plan, const Extents& extents, std::int64_t max_bytes)
    : plan_(plan), extents_(extents), max_bytes_(max_bytes) {
  if (max_bytes_ <= 0) max_bytes_ = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  arrays_.resize(plan.buffers.size());
  bound_.resize(plan.buffers.size(), nullptr);
  poisoned_.resize(plan.buffers.size(), false);
}

template <class T>
bool Buffers<T>::ready(const Buffer& buffer) const {
  return buffer.layout == kNone || extents_.ready(plan_.layouts[static_cast<std::size_t>(buffer.layout)].space);
}

template <class T>
std::int64_t Buffers<T>::rows(BufferId id) const {
  const Buffer& buffer = of(id);
  if (buffer.layout == kNone) return 1;
  const LayoutExtent& layout = extents_.layout(buffer.layout);
  return buffer.block_depth == kNone ? layout.points() : layout.largest_block[static_cast<std::size_t>(buffer.block_depth)];
}

template <class T>
void Buffers<T>::make_room() {
  std::int64_t total = 0;
  for (std::size_t k = 0; k < arrays_.size(); ++k) {
    const auto id = static_cast<BufferId>(k);
    if (!has_own(id) || !ready(of(id))) continue;
    std::int64_t count = 0;
    std::int64_t bytes = 0;
    const bool too_large = __builtin_mul_overflow(rows(id), of(id).elements, &count) ||
                           __builtin_mul_overflow(count, static_cast<std::int64_t>(sizeof(T)), &bytes) ||
                           __builtin_add_overflow(total, bytes, &total);
    if (too_large) raise_too_large("more than 2^63 bytes", max_bytes_);
  }
  if (total > max_bytes_) raise_too_large(std::to_string(total >> 20) + " MiB", max_bytes_);
  for (std::size_t k = 0; k < arrays_.size(); ++k) {
    const auto id = static_cast<BufferId>(k);
    if (of(id).kind != Buffer::Kind::kParameter && ready(of(id))) make_room(id);
  }
}

template <class T>
void Buffers<T>::make_room(BufferId id) {
  arrays_[static_cast<std::size_t>(id)].grow(static_cast<std::size_t>(std::max<std::int64_t>(rows(id) * of(id).elements, 1)));
}

template <class T>
void Buffers<T>::begin_poison() {
  poisoned_.assign(poisoned_.size(), false);
}

template <class T>
void Buffers<T>::poison() {
  for (std::size_t k = 0; k < arrays_.size(); ++k) {
    const auto id = static_cast<BufferId>(k);
    const bool written = of(id).kind == Buffer::Kind::kValue || of(id).kind == Buffer::Kind::kConstant;
    if (poisoned_[k] || !written || !ready(of(id))) continue;
    std::fill_n(arrays_[k].data(), arrays_[k].size(), std::numeric_limits<T>::quiet_NaN());
    poisoned_[k] = true;
  }
}

template <class T>
std::int64_t Buffers<T>::bytes() const {
  std::int64_t total = 0;
  for (const AlignedArray<T>& array : arrays_) total += static_cast<std::int64_t>(array.size() * sizeof(T));
  return total;
}

template class Buffers<float>;
template class Buffers<double>;

}  // namespace tapeloop
