// Windows of a convolution along the width: tap q at position p reads p + q - (taps - 1) / 2; outside the width there is 0.
#pragma once

#include "nodes/record.h"

namespace tapeloop::kinds {

struct Windows {
  std::int64_t width = 0;
  std::int64_t channels = 0;
  std::int64_t taps = 0;

  explicit Windows(const std::int64_t* params) : width(params[0]), channels(params[1]), taps(params[2]) {}
  std::int64_t size() const { return width * channels * taps; }
  // Where tap q at p reads, or -1 outside.
  std::int64_t position(std::int64_t p, std::int64_t q) const {
    const std::int64_t at = p + q - (taps - 1) / 2;
    return at >= 0 && at < width ? at : -1;
  }
};

// x: [width, channels], kernel: [taps, channels, out].
inline LocalParams window_params(const std::vector<std::int64_t>& x, const std::vector<std::int64_t>& kernel) {
  LocalParams params;
  params.numbers = {x[0], x[1], kernel[0]};
  return params;
}

// The second operand is a kernel of known width, the first a matrix.
inline bool check_windows(InferContext& c) {
  if (c.shapes[0].size() != 2) c.fail("conv1d: expected x of shape [width, channels], found " + c.sizes.text(c.shapes[0]));
  if (c.shapes[1].size() != 3) c.fail("conv1d: expected a kernel of shape [taps, channels, out], found " + c.sizes.text(c.shapes[1]));
  if (!c.failed() && !c.shapes[1][0].is_number()) c.fail("conv1d: the number of the kernel's taps must be known");
  return !c.failed();
}

}  // namespace tapeloop::kinds
