// Where a remap reads: from a point of the reader to a place on the axes of the value.
#pragma once

#include <cstdint>

#include "core/plan.h"
#include "runtime/extents.h"

namespace tapeloop {

class Remapper {
 public:
  // reader: the points that read.
  Remapper(const Extents& extents, const SpaceExtent& reader, const Remap& remap) : extents_(extents), reader_(reader), remap_(remap) {}

  // Finds the place that a point of the reader, canonically numbered, reads; false: there is none.
  bool go(std::int32_t point);
  std::int32_t row() const { return row_; }
  const std::int32_t* at() const { return at_; }  // by AxisId

 private:
  const Extents& extents_;
  const SpaceExtent& reader_;
  const Remap& remap_;
  std::int32_t row_ = 0;
  std::int32_t at_[kMaxAxes] = {};
};

}  // namespace tapeloop
