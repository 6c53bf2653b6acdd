// Memory of a run: an array for each buffer of the plan, grown to the largest batch so far and never given back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "core/plan.h"
#include "runtime/extents.h"
#include "runtime/memory.h"

namespace tapeloop {

// Numbers on a cache line's boundary. Growing forgets what was there.
template <class T>
class AlignedArray {
 public:
  void grow(std::size_t count) {
    if (count <= count_) return;
    numbers_.reset();
    numbers_.reset(static_cast<T*>(allocate(count * sizeof(T))), &release);
    count_ = count;
  }
  // Becomes part of what another array holds, which lives on until no part is used.
  void share(const AlignedArray& other, std::size_t first, std::size_t count) {
    numbers_ = std::shared_ptr<T[]>(other.numbers_, other.numbers_.get() + first);
    count_ = count;
  }
  T* data() { return numbers_.get(); }
  const T* data() const { return numbers_.get(); }
  std::size_t size() const { return count_; }

 private:
  std::shared_ptr<T[]> numbers_;
  std::size_t count_ = 0;
};

// Those of a run that are in P, or those of one shard that are on the batch; a shard reads P from the run's.
template <class T>
class Buffers {
 public:
  explicit Buffers(const Plan& plan);                                       // of P
  Buffers(const Plan& plan, const Extents& extents, const Buffers& whole);  // of a shard

  // Bytes of all own buffers whose layout is ready; 2^63 - 1 if there are more.
  std::int64_t needed() const;
  // Of those own buffers alone that hold `points` of a space; 2^63 - 1 if there are more.
  std::int64_t needed(Space space, std::int64_t points) const;
  // Makes room for them, beside each other.
  void make_room();
  void make_room(BufferId id);  // REQUIRES: own, its layout is ready
  // Fills with NaN, once until the next begin_poison, what instructions are to write (and has room by now).
  void begin_poison();
  void poison();
  // Of a shard: reads P from where it lies now.
  void read_whole();

  T* row(BufferId id, std::int64_t row) { return data(id) + row * of(id).elements; }
  T* data(BufferId id) { return arrays_[static_cast<std::size_t>(id)].data(); }
  const T* data(BufferId id) const {
    const T* bound = bound_[static_cast<std::size_t>(id)];
    return bound ? bound : arrays_[static_cast<std::size_t>(id)].data();
  }
  // Reads from the caller's numbers from now on.
  void bind(BufferId id, const T* data) { bound_[static_cast<std::size_t>(id)] = data; }
  bool has(BufferId id) const { return data(id) != nullptr; }
  bool has_own(BufferId id) const { return bound_[static_cast<std::size_t>(id)] == nullptr; }
  std::int64_t rows(BufferId id) const;  // REQUIRES: its layout is ready
  std::int64_t bytes() const;
  const Buffer& of(BufferId id) const { return plan_.buffers[static_cast<std::size_t>(id)]; }

 private:
  Buffers(const Plan& plan, const Extents* extents, const Buffers* whole);
  bool own(const Buffer& buffer) const { return (buffer.layout == kNone) == (whole_ == nullptr); }
  bool ready(const Buffer& buffer) const;
  std::size_t size(BufferId id) const;  // numbers; at least 1

  const Plan& plan_;
  const Extents* extents_;  // null: of P
  const Buffers* whole_;    // null: of P
  std::vector<AlignedArray<T>> arrays_;
  std::vector<const T*> bound_;
  std::vector<bool> poisoned_;
};

extern template class Buffers<float>;
extern template class Buffers<double>;

}  // namespace tapeloop
