#include "runtime/mover.h"

#include <stdexcept>

namespace tapeloop {

Mover::Mover(const Extents& extents, Space reader, Space moved, std::span<const Move> moves) : extents_(extents) {
  const std::vector<AxisId> columns = reader.axes();
  for (const AxisId axis : moved.axes()) {
    Step step;
    step.axis = axis;
    for (std::size_t k = 0; k < columns.size(); ++k) {
      if (columns[k] == axis) step.column = k + 1;
    }
    for (const Move& move : moves) {
      if (move.axis != axis) continue;
      step.from = move.from;
      step.offset = move.offset;
    }
    if (step.from == Move::From::kHere && step.column == 0) throw std::logic_error("a move reads an axis that its reader lacks");
    steps_.push_back(step);
  }
}

bool Mover::measurable(AxisId axis, const std::int32_t* at) const { return extents_.find(extents_.within(axis), row_, at) != kNone; }

void Mover::go(const std::int32_t* place) {
  row_ = place[0];
  left_ = kNone;
  for (const Step& step : steps_) {
    std::int32_t& position = at_[step.axis];
    if (step.from == Move::From::kHere) {
      position = place[step.column] + step.offset;
    } else if (step.from == Move::From::kStart) {
      position = step.offset;
    } else {
      position = measurable(step.axis, reader_) ? extents_.length(step.axis, row_, reader_) + step.offset : -1;
    }
    reader_[step.axis] = step.column != 0 ? place[step.column] : position;
    if (left_ != kNone) continue;
    if (position < 0 || position >= extents_.length(step.axis, row_, at_)) left_ = step.axis;
  }
}

std::int32_t Mover::slot(std::int32_t slots) const {
  const std::int32_t position = at_[left_];
  return position < 0 ? position + slots : position - extents_.length(left_, row_, at_);
}

}  // namespace tapeloop
