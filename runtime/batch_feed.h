// Brings a batch into a run: checks it against the plan, gives each shard its lengths, packs padded arrays into buffers.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/diagnostics.h"
#include "core/plan.h"
#include "runtime/batch.h"
#include "runtime/buffers.h"
#include "runtime/extents.h"

namespace tapeloop {

// The rows of the batch that a shard has, and what of them has been packed so far.
struct FeedWindow {
  std::int64_t first = 0;
  std::vector<char> packed;  // of each input, then of each seed

  void start(std::int64_t row) {
    first = row;
    packed.assign(packed.size(), 0);
  }
};

// One for all shards of a run. What takes a window may be called for several windows at once.
template <class T>
class BatchFeed {
 public:
  explicit BatchFeed(const Plan& plan);

  // Checks names, ranks and shapes. The batch must stay there until the forward run is over. Throws ModelError.
  void start(const Batch<T>& batch);
  // Gives the shards of the batch, in order, every length from the data that can be given now; false if there was none. The same
  // axes must be known in all of them. Throws ModelError.
  bool give_lengths(std::span<Extents* const> shards) const;

  FeedWindow window() const { return {0, std::vector<char>(feeds_.size(), 0)}; }
  // Packs the inputs whose points are known by now and that have not been packed for this batch. Throws ModelError.
  void pack(FeedWindow& window, const Extents& extents, Buffers<T>& buffers) const;
  void pack_whole(FeedWindow& window, Buffers<T>& whole) const { pack_all(window, nullptr, whole); }  // those in P

  // Takes what is given for the seeds, by the seed's or the output's name. The arrays must stay there until all are packed.
  void start_seeds(const std::map<std::string, Array<T>>& cotangents);
  // What is given; what neither is given nor was in the batch is zeros.
  void pack_seeds(FeedWindow& window, const Extents& extents, Buffers<T>& buffers) const;
  void pack_whole_seeds(FeedWindow& window, Buffers<T>& whole) const { pack_all_seeds(window, nullptr, whole); }

  std::int64_t rows() const { return rows_; }  // of the batch
  std::int64_t example_id(std::int64_t row) const { return example_ids_[static_cast<std::size_t>(row)]; }
  std::int32_t first_position(AxisId axis, std::int64_t row) const {
    const std::vector<std::int32_t>& first = first_positions_[static_cast<std::size_t>(axis)];
    return first.empty() ? 0 : first[first.size() == 1 ? 0 : static_cast<std::size_t>(row)];
  }

 private:
  // An input or seed, and where its array comes from.
  struct Feed {
    NodeId node = kNone;
    std::string output;  // of a seed
    std::vector<AxisId> axes;
    const Array<T>* array = nullptr;
    bool given = false;  // of a seed: for this backward

    bool seed() const { return !output.empty(); }
  };

  void check_names(const Batch<T>& batch, Diagnostics& diagnostics) const;
  void check_shape(const Feed& feed, Diagnostics& diagnostics) const;
  void check_extents(const Feed& feed, const Extents& extents) const;
  void check_given(AxisId axis, std::span<const std::int32_t> lengths, std::int64_t runs) const;
  bool lengths_missing(AxisId axis, const Extents& extents) const;
  bool belongs(const Feed& feed, const Extents* extents) const;
  void pack_all(FeedWindow& window, const Extents* extents, Buffers<T>& buffers) const;
  void pack_all_seeds(FeedWindow& window, const Extents* extents, Buffers<T>& buffers) const;
  void pack(const Feed& feed, std::int64_t first_row, const Extents* extents, Buffers<T>& buffers) const;
  void check_whole(const Feed& feed, std::int64_t first_row, const Extents* extents, const Buffers<T>& buffers) const;
  std::string place_text(const Feed& feed, std::int64_t first_row, const Extents* extents, std::int32_t point) const;
  bool axis_is_used(AxisId axis) const;
  const Array<T>* sized_by(AxisId axis, std::int64_t& size) const;
  [[noreturn]] void raise(std::string_view code, NodeId node, std::string message, std::string help = {}) const;

  const Plan& plan_;
  const Batch<T>* batch_ = nullptr;
  std::int64_t rows_ = 0;
  std::vector<Feed> feeds_;  // inputs, then seeds
  std::vector<std::int64_t> example_ids_;
  std::vector<std::vector<std::int32_t>> first_positions_;  // [axis]: none (0), one for all rows, or one each
  mutable std::vector<std::int32_t> lengths_;               // scratch of give_lengths
};

extern template class BatchFeed<float>;
extern template class BatchFeed<double>;

}  // namespace tapeloop
