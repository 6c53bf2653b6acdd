#include "runtime/remapper.h"

namespace tapeloop {

bool Remapper::go(std::int32_t point) {
  const std::int32_t* place = reader_.at(point);
  row_ = place[0];
  for (std::size_t k = 0; k < reader_.axes.size(); ++k) at_[reader_.axes[k]] = place[k + 1];
  std::int64_t sum = 0;
  for (const Remap::Step& step : remap_.steps) {
    const std::int32_t position = at_[step.axis];
    sum += std::int64_t{step.times} * (step.backwards ? extents_.length(step.axis, row_, at_) - 1 - position : position);
  }
  std::int64_t skipped = 0;
  for (const AxisId axis : remap_.after) skipped += extents_.length(axis, row_, at_);
  const std::int64_t found = remap_.position(sum, extents_.length(remap_.from, row_, at_), skipped);
  at_[remap_.from] = static_cast<std::int32_t>(found);
  return found >= 0;
}

}  // namespace tapeloop
