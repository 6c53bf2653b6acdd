// A part of the last dimension, from a start on: what slice and split do.   y[.., j] = x[.., start + j]
#pragma once

#include <algorithm>

#include "nodes/record.h"

namespace tapeloop::kinds {

// start(shapes, attributes): where the part begins.
template <std::int64_t (*start)(const LocalShapes&, const Attributes&)>
struct PartOfLast {
  // numbers: rows, width of x, width of y, start
  static LocalParams prepare(const LocalShapes& shapes, const Attributes& attributes) {
    const Rows x = rows_of(shapes.operands[0]);
    LocalParams params;
    params.numbers = {x.count, x.width, rows_of(shapes.result).width, start(shapes, attributes)};
    return params;
  }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const std::int64_t rows = call.params[0];
    const std::int64_t from = call.params[1];
    const std::int64_t to = call.params[2];
    for (std::int64_t point = 0; point < call.points; ++point) {
      const T* in = call.in[0] + point * call.in_stride[0] + call.params[3];
      T* out = call.out + point * rows * to;
      for (std::int64_t row = 0; row < rows; ++row) std::copy(in + row * from, in + row * from + to, out + row * to);
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const std::int64_t first = start(*call.shapes, *call.attributes);
    const std::int64_t width = call.shapes->result.back();
    for (std::int64_t i = 0; i < elements_of(call.shapes->result); ++i) {
      call.out[i] = call.in[0][i / width * call.shapes->operands[0].back() + first + i % width];
    }
  }
};

// dx: x's shape with dy in its place and 0 around it.
inline void add_between_zeros(AdjointBuilder& d, AttributeValue start) {
  const Shape shape = d.x(0).shape();
  AttributeValue width = size_option(d.builder().graph().sizes, shape.back());
  d.add(0, d.builder().shaped("pad_last", {d.dy()}, d.dy().space(), shape, {{"start", std::move(start)}, {"width", std::move(width)}}));
}

}  // namespace tapeloop::kinds
