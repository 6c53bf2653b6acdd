#include "runtime/buffers.h"

#include <algorithm>
#include <limits>

namespace tapeloop {

template <class T>
Buffers<T>::Buffers(const Plan& plan) : Buffers(plan, nullptr, nullptr) {}

template <class T>
Buffers<T>::Buffers(const Plan& plan, const Extents& extents, const Buffers& whole) : Buffers(plan, &extents, &whole) {}

template <class T>
Buffers<T>::Buffers(const Plan& plan, const Extents* extents, const Buffers* whole) : plan_(plan), extents_(extents), whole_(whole) {
  arrays_.resize(plan.buffers.size());
  bound_.resize(plan.buffers.size(), nullptr);
  poisoned_.resize(plan.buffers.size(), false);
}

template <class T>
bool Buffers<T>::ready(const Buffer& buffer) const {
  return own(buffer) && (buffer.layout == kNone || extents_->ready(plan_.layouts[static_cast<std::size_t>(buffer.layout)].space));
}

template <class T>
std::int64_t Buffers<T>::rows(BufferId id) const {
  const Buffer& buffer = of(id);
  if (buffer.layout == kNone) return 1;
  const LayoutExtent& layout = extents_->layout(buffer.layout);
  if (buffer.block_depth == kNone) return layout.points();
  if (buffer.block_depth == 0) return extents_->largest_strip(layout);
  const std::int64_t of_block = layout.largest_block[static_cast<std::size_t>(buffer.block_depth)];
  return std::min<std::int64_t>(of_block * buffer.together, layout.points());
}

template <class T>
void Buffers<T>::read_whole() {
  for (std::size_t k = 0; k < bound_.size(); ++k) {
    const auto id = static_cast<BufferId>(k);
    if (of(id).layout == kNone) bound_[k] = whole_->data(id);
  }
}

template <class T>
std::int64_t Buffers<T>::needed() const {
  std::int64_t total = 0;
  for (std::size_t k = 0; k < arrays_.size(); ++k) {
    const auto id = static_cast<BufferId>(k);
    if (bound_[k] || !ready(of(id))) continue;
    std::int64_t count = 0;
    std::int64_t bytes = 0;
    const bool too_large = __builtin_mul_overflow(rows(id), of(id).elements, &count) ||
                           __builtin_mul_overflow(count, static_cast<std::int64_t>(sizeof(T)), &bytes) ||
                           __builtin_add_overflow(total, bytes, &total);
    if (too_large) return std::numeric_limits<std::int64_t>::max();
  }
  return total;
}

template <class T>
std::int64_t Buffers<T>::needed(Space space, std::int64_t points) const {
  std::int64_t elements = 0;
  for (std::size_t k = 0; k < arrays_.size(); ++k) {
    const Buffer& buffer = of(static_cast<BufferId>(k));
    if (bound_[k] || buffer.layout == kNone || buffer.block_depth != kNone) continue;
    if (plan_.layouts[static_cast<std::size_t>(buffer.layout)].space == space) elements += buffer.elements;
  }
  std::int64_t bytes = 0;
  const bool too_large = __builtin_mul_overflow(elements * static_cast<std::int64_t>(sizeof(T)), points, &bytes);
  return too_large ? std::numeric_limits<std::int64_t>::max() : bytes;
}

template <class T>
std::size_t Buffers<T>::size(BufferId id) const {
  return static_cast<std::size_t>(std::max<std::int64_t>(rows(id) * of(id).elements, 1));
}

// What grows at the same time lies in one piece of memory, which large pages fit better than many small ones. A few lines lie free
// between arrays: point programs go along a dozen of them at once, which a multiple of 4096 bytes apart would take turns in the same
// few places of the first level of cache.
template <class T>
void Buffers<T>::make_room() {
  constexpr std::size_t kLine = kAlignment / sizeof(T);
  constexpr std::size_t kApart = 5 * kLine;
  struct Growing {
    std::size_t array, first, size;
  };
  std::vector<Growing> growing;
  std::size_t total = 0;
  for (std::size_t k = 0; k < arrays_.size(); ++k) {
    const auto id = static_cast<BufferId>(k);
    if (of(id).kind == Buffer::Kind::kParameter || !ready(of(id)) || size(id) <= arrays_[k].size()) continue;
    growing.push_back({k, total, size(id)});
    total += (size(id) + kLine - 1) / kLine * kLine + kApart;
    arrays_[k] = {};
  }
  if (growing.empty()) return;
  AlignedArray<T> together;
  together.grow(total);
  for (const Growing& array : growing) arrays_[array.array].share(together, array.first, array.size);
}

template <class T>
void Buffers<T>::make_room(BufferId id) {
  arrays_[static_cast<std::size_t>(id)].grow(size(id));
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
