// Brings a batch into a run: checks it against the plan, gives the lengths, packs padded arrays into buffers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/diagnostics.h"
#include "core/plan.h"
#include "runtime/batch.h"
#include "runtime/buffers.h"
#include "runtime/extents.h"

namespace tapeloop {

template <class T>
class BatchFeed {
 public:
  BatchFeed(const Plan& plan, Extents& extents, Buffers<T>& buffers);

  // Checks names, ranks and shapes. The batch must stay there until the forward run is over. Throws ModelError.
  void start(const Batch<T>& batch);
  // Gives the extents every length from the data that can be given now. Throws ModelError.
  void give_lengths();
  // Packs the inputs whose points are known by now and that have not been packed in this run. Throws ModelError.
  void pack();
  // Seeds: what is given, by the seed's or the output's name; what neither is given nor was in the batch is zeros.
  void pack_seeds(const std::map<std::string, Array<T>>& cotangents);

  std::int64_t example_id(std::int32_t row) const { return example_ids_[static_cast<std::size_t>(row)]; }

 private:
  // An input or seed, and where its array comes from in this run.
  struct Feed {
    NodeId node = kNone;
    std::string output;  // of a seed
    std::vector<AxisId> axes;
    const Array<T>* array = nullptr;
    bool packed = false;
  };

  void check_names(const Batch<T>& batch, Diagnostics& diagnostics) const;
  void check_shape(const Feed& feed, std::int64_t rows, Diagnostics& diagnostics) const;
  void check_extents(const Feed& feed) const;
  void pack(Feed& feed);
  void check_whole(const Feed& feed) const;
  bool axis_is_used(AxisId axis) const;
  const Array<T>* sized_by(AxisId axis, std::int64_t& size) const;
  [[noreturn]] void raise(std::string_view code, NodeId node, std::string message, std::string help = {}) const;

  const Plan& plan_;
  Extents& extents_;
  Buffers<T>& buffers_;
  const Batch<T>* batch_ = nullptr;
  std::vector<Feed> inputs_, seeds_;
  std::vector<std::int64_t> example_ids_;
  std::vector<std::int32_t> lengths_;  // scratch
};

extern template class BatchFeed<float>;
extern template class BatchFeed<double>;

}  // namespace tapeloop
