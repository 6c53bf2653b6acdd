// Where a move reads: from a point of the reader to a place on the axes of the moved value.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/plan.h"
#include "runtime/extents.h"

namespace tapeloop {

class Mover {
 public:
  // reader: space of the points that read. moved: axes of the value that is read; each is one of the reader's or moved to an end.
  Mover(const Extents& extents, Space reader, Space moved, std::span<const Move> moves);

  // Finds the place that the reader's point reads. place: row and positions on the reader's axes, ascending.
  void go(const std::int32_t* place);
  AxisId left() const { return left_; }  // the outermost axis that the place is outside of, or kNone
  std::int32_t row() const { return row_; }
  const std::int32_t* at() const { return at_; }  // by AxisId; on the axes of the moved value
  // Which of the starts for `slots` positions outside left() holds here: before the axis the last is nearest, after it the first.
  std::int32_t slot(std::int32_t slots) const;

 private:
  struct Step {
    AxisId axis = kNone;
    Move::From from = Move::From::kHere;
    std::int32_t offset = 0;
    std::size_t column = 0;  // in the reader's place; 0: the reader lacks the axis
  };
  bool measurable(AxisId axis, const std::int32_t* at) const;

  const Extents& extents_;
  std::vector<Step> steps_;  // outer axes first
  std::int32_t row_ = 0;
  AxisId left_ = kNone;
  std::int32_t at_[kMaxAxes] = {};      // moved
  std::int32_t reader_[kMaxAxes] = {};  // of the reader, and moved on axes that it lacks: where the ends of runs are measured
};

}  // namespace tapeloop
