// Windows of a convolution on a plane: tap (q, r) at (i, j) reads (i * stride + q - (rows - 1) / 2, j * stride + r - (columns - 1) / 2)
// of a plane [height, width, channels]; outside it there is 0. Results are [height / stride, width / stride], rounded up.
#pragma once

#include "nodes/record.h"

namespace tapeloop::kinds {

struct Planes {
  std::int64_t height = 0, width = 0, channels = 0;
  std::int64_t rows = 0, columns = 0;  // of the kernel
  std::int64_t stride = 1;

  // x: [height, width, channels], kernel: [rows, columns, channels, out].
  Planes(const std::vector<std::int64_t>& x, const std::vector<std::int64_t>& kernel, const Attributes& attributes)
      : height(x[0]),
        width(x[1]),
        channels(x[2]),
        rows(kernel[0]),
        columns(kernel[1]),
        stride(std::llround(number_of(attributes, "stride", 1))) {}
  explicit Planes(const std::int64_t* params)
      : height(params[0]), width(params[1]), channels(params[2]), rows(params[3]), columns(params[4]), stride(params[5]) {}
  LocalParams params() const {
    LocalParams made;
    made.numbers = {height, width, channels, rows, columns, stride};
    return made;
  }

  std::int64_t elements() const { return height * width * channels; }
  std::int64_t high() const { return (height + stride - 1) / stride; }
  std::int64_t wide() const { return (width + stride - 1) / stride; }

  // Visits (place in the windows, place in the plane or -1) of the first channel of every tap of every window, in the windows' order.
  template <class Visit>
  void each_tap(const Visit& visit) const {
    std::int64_t at = 0;
    for (std::int64_t i = 0; i < high(); ++i) {
      for (std::int64_t j = 0; j < wide(); ++j) {
        for (std::int64_t q = 0; q < rows; ++q) {
          for (std::int64_t r = 0; r < columns; ++r, at += channels)
            visit(at, place(i * stride + q - (rows - 1) / 2, j * stride + r - (columns - 1) / 2));
        }
      }
    }
  }
  std::int64_t place(std::int64_t row, std::int64_t column) const {
    return row < 0 || row >= height || column < 0 || column >= width ? -1 : (row * width + column) * channels;
  }
};

inline Dim strided(const Dim& size, std::int64_t stride) { return size.is_number() ? Dim((size.number() + stride - 1) / stride) : size; }

// The second operand is a kernel of known height and width; a stride is 1, or the plane's size is known.
inline bool check_planes(InferContext& c, const Shape& plane) {
  const double stride = c.number("stride");
  if (plane.size() != 3) c.fail("conv2d: expected x of shape [height, width, channels], found " + c.sizes.text(plane));
  if (c.shapes[1].size() != 4)
    c.fail("conv2d: expected a kernel of shape [rows, columns, channels, out], found " + c.sizes.text(c.shapes[1]));
  if (c.failed()) return false;
  if (!c.shapes[1][0].is_number() || !c.shapes[1][1].is_number()) c.fail("conv2d: the kernel's rows and columns must be known");
  if (stride < 1) c.fail("conv2d: expected a stride of 1 or more, found " + std::to_string(std::llround(stride)));
  const bool known = plane[0].is_number() && plane[1].is_number();
  if (stride > 1 && !known) c.fail("conv2d: with a stride the plane's size must be known, found " + c.sizes.text(plane));
  return !c.failed();
}

}  // namespace tapeloop::kinds
