// Some neighbouring examples of a batch with all that a run keeps of them: lengths, tables, buffers. What an instruction does
// with one shard no other shard sees; what is in P they all read from the run's own buffers.
#pragma once

#include <cstdint>
#include <vector>

#include "core/plan.h"
#include "runtime/batch_feed.h"
#include "runtime/budget.h"
#include "runtime/buffers.h"
#include "runtime/extents.h"
#include "runtime/tables.h"

namespace tapeloop {

// Parts of a run that all its shards share.
template <class T>
struct ShardSetting {
  const Plan& plan;
  const BatchFeed<T>& feed;
  const Buffers<T>& whole;
  Budget& budget;
  bool poison = false;
  TableId swapped = kNone;
  std::int64_t positions = 0;
};

template <class T>
class Shard {
 public:
  explicit Shard(const ShardSetting<T>& setting);
  Shard(const Shard&) = delete;  // its parts point at each other
  Shard& operator=(const Shard&) = delete;

  // Takes over rows first .. first + rows - 1 of a new batch; no lengths are known.
  void start(std::int64_t first, std::int64_t rows);
  // Counts what the lengths that are known by now make necessary. Throws ModelError (E0711).
  void announce();
  // Makes whatever those lengths allow to be made, and packs the inputs. Throws ModelError. REQUIRES: announce.
  void prepare();
  // Packs the seeds, for backward.
  void prepare_backward();

  std::int64_t first() const { return window_.first; }  // row of the batch
  std::int64_t rows() const { return extents_.rows(); }
  Extents& extents() { return extents_; }
  const Extents& extents() const { return extents_; }
  const Tables& tables() const { return tables_; }
  Buffers<T>& buffers() { return buffers_; }
  std::vector<std::int32_t>& lengths_scratch() { return lengths_; }
  const Buffers<T>& buffers() const { return buffers_; }

 private:
  void expect(Space space, std::int64_t points) const;

  ShardSetting<T> setting_;
  Extents extents_;
  Tables tables_;
  Buffers<T> buffers_;
  FeedWindow window_;
  std::vector<std::int32_t> lengths_;
  std::int64_t announced_ = 0;  // bytes
};

extern template class Shard<float>;
extern template class Shard<double>;

}  // namespace tapeloop
