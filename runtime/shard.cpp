#include "runtime/shard.h"

namespace tapeloop {

template <class T>
Shard<T>::Shard(const ShardSetting<T>& setting)
    : setting_(setting),
      extents_(setting.plan, setting.positions),
      tables_(setting.plan, extents_, setting.swapped),
      buffers_(setting.plan, extents_, setting.whole),
      window_(setting.feed.window()) {
  extents_.ask([this](Space space, std::int64_t points) { expect(space, points); });
}

template <class T>
void Shard<T>::start(std::int64_t first, std::int64_t rows) {
  window_.start(first);
  announced_ = 0;
  extents_.start(rows);
  buffers_.read_whole();
  if (setting_.poison) buffers_.begin_poison();
}

template <class T>
void Shard<T>::announce() {
  const std::int64_t needed = buffers_.needed();
  setting_.budget.announce(needed - announced_);
  announced_ = needed;
}

// The least that so many points take are their values, and their places: what there is no memory for is refused before any is built.
template <class T>
void Shard<T>::expect(Space space, std::int64_t points) const {
  constexpr std::int64_t kPlaceBytes = 4 * sizeof(std::int32_t);  // row and position, its place in an order, and back
  const std::int64_t values = buffers_.needed(space, points);
  setting_.budget.check(values);
  setting_.budget.check(kPlaceBytes * points);
}

template <class T>
void Shard<T>::prepare() {
  tables_.build();
  buffers_.make_room();
  if (setting_.poison) buffers_.poison();
  setting_.feed.pack(window_, extents_, buffers_);
}

template <class T>
void Shard<T>::prepare_backward() {
  buffers_.read_whole();
  setting_.feed.pack_seeds(window_, extents_, buffers_);
}

template class Shard<float>;
template class Shard<double>;

}  // namespace tapeloop
