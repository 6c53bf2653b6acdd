#include "runtime/point_work.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <type_traits>

#include "core/kind.h"
#include "runtime/draws.h"

namespace tapeloop {
namespace {

constexpr std::size_t kMostOperands = 64;
constexpr std::size_t kMostDims = 16;

template <class T>
PointFunction<T> point_kernel(const NodeKind& kind) {
  if constexpr (std::is_same_v<T, float>) {
    return kind.point.f32;
  } else {
    return kind.point.f64;
  }
}

template <class T>
LocalFunction<T> local_kernel(const NodeKind& kind) {
  if constexpr (std::is_same_v<T, float>) {
    return kind.local.f32;
  } else {
    return kind.local.f64;
  }
}

// One point of an elementwise instruction: a kernel call for each line along the innermost dimension.
template <class T>
void one_point(PointFunction<T> kernel, const PointLoop& loop, const std::array<const T*, kMostOperands>& in, std::size_t operands,
               T* out) {
  std::array<const T*, kMostOperands> line = in;
  std::array<std::uint8_t, kMostOperands> step{};
  std::array<std::int64_t, kMostDims> at{};
  const std::size_t rank = loop.dims.size();
  const std::int64_t length = rank == 0 ? 1 : loop.dims[rank - 1];
  for (std::size_t k = 0; k < operands; ++k) step[k] = rank == 0 ? 0 : static_cast<std::uint8_t>(loop.strides[k][rank - 1]);
  if (std::any_of(loop.dims.begin(), loop.dims.end(), [](std::int64_t dim) { return dim == 0; })) return;
  while (true) {
    kernel(line.data(), step.data(), out, static_cast<std::size_t>(length));
    out += length;
    std::size_t d = rank < 2 ? 0 : rank - 1;  // carries into the dimensions outside the innermost
    while (d > 0) {
      const std::size_t outer = d - 1;
      for (std::size_t k = 0; k < operands; ++k) line[k] += loop.strides[k][outer];
      if (++at[outer] < loop.dims[outer]) break;
      for (std::size_t k = 0; k < operands; ++k) line[k] -= loop.strides[k][outer] * loop.dims[outer];
      at[outer] = 0;
      d = outer;
    }
    if (d == 0) return;
  }
}

}  // namespace

template <class T>
void PointWork<T>::point(const Step& step) {
  const Instruction& made = *step.instruction;
  const PointFunction<T> kernel = point_kernel<T>(*made.program.front().kind);
  const std::size_t operands = step.operands.size();
  if (operands > kMostOperands || made.loop.dims.size() > kMostDims) throw std::logic_error("'" + made.text + "' has too many operands");
  frame_.in_tiles(step, frame_.points(step), [&](std::int32_t begin, std::int32_t end) {
    std::array<const T*, kMostOperands> in{};
    std::array<std::int64_t, kMostOperands> stride{};
    std::array<std::uint8_t, kMostOperands> one{};
    T* out = frame_.result(step, begin);
    bool flat = true;  // every operand goes on like the result does, or is one number for all points
    for (std::size_t k = 0; k < operands; ++k) {
      const Rows<T> rows = frame_.read(step, k, begin, end);
      in[k] = rows.data;
      stride[k] = rows.stride;
      const bool whole = !rows.zeros && step.operands[k].elements == step.elements;
      const bool goes_on = whole && (rows.stride == step.elements || end - begin == 1);
      one[k] = goes_on ? 1 : 0;
      flat = flat && (goes_on || (rows.stride == 0 && (step.operands[k].elements == 1 || rows.zeros)));
    }
    if (flat) {
      kernel(in.data(), one.data(), out, static_cast<std::size_t>(end - begin) * static_cast<std::size_t>(step.elements));
      return;
    }
    for (std::int32_t point = begin; point < end; ++point, out += step.elements) {
      one_point(kernel, made.loop, in, operands, out);
      for (std::size_t k = 0; k < operands; ++k) in[k] += stride[k];
    }
  });
}

template <class T>
void PointWork<T>::local(const Step& step) {
  const LocalFunction<T> kernel = local_kernel<T>(*step.instruction->kind);
  if (step.operands.size() > kMostOperands) throw std::logic_error("'" + step.instruction->text + "' has too many operands");
  frame_.in_tiles(step, frame_.points(step), [&](std::int32_t begin, std::int32_t end) {
    std::array<const T*, kMostOperands> in{};
    std::array<std::int64_t, kMostOperands> stride{};
    for (std::size_t k = 0; k < step.operands.size(); ++k) {
      const Rows<T> rows = frame_.read(step, k, begin, end);
      in[k] = rows.data;
      stride[k] = rows.stride;
    }
    LocalCall<T> call;
    call.points = end - begin;
    call.in = in.data();
    call.in_stride = stride.data();
    call.out = frame_.result(step, begin);
    call.params = step.instruction->local.numbers.data();
    call.scratch = frame_.local_scratch();
    kernel(call);
  });
}

template <class T>
void PointWork<T>::move(const Step& step) {
  const Range range = frame_.points(step);
  if (range.size() == 0) return;
  frame_.reader().gather(step.operands[0], step.instruction->depth, range.begin, range.end, frame_.result(step, range.begin));
}

template <class T>
void PointWork<T>::fill(const Step& step) {
  const Instruction& made = *step.instruction;
  double value = made.value;
  if (made.op == OpCode::kCount) value = 1;  // of P; a batch's points are counted over all shards
  const Range range = frame_.points(step);
  if (range.size() > 0) std::fill_n(frame_.result(step, range.begin), range.size() * step.elements, static_cast<T>(value));
}

// kIndex: the position on the axis, or the distance from the last one. kLength: the length of the run.
template <class T>
void PointWork<T>::positions(const Step& step) {
  const Instruction& made = *step.instruction;
  if (made.layout == kNone) throw std::logic_error("'" + made.text + "' is on no batch");
  const LayoutExtent& layout = frame_.extents().layout(made.layout);
  const SpaceExtent& points = frame_.extents().points(layout);
  const Range range = frame_.points(step);
  std::array<std::int32_t, kMaxAxes> at{};
  for (std::int32_t point = range.begin; point < range.end; ++point) {
    const std::int32_t* place = points.at(layout.canonical[static_cast<std::size_t>(point)]);
    for (std::size_t k = 0; k < points.axes.size(); ++k) at[static_cast<std::size_t>(points.axes[k])] = place[k + 1];
    std::int32_t number = at[static_cast<std::size_t>(made.axis)];
    if (made.op == OpCode::kLength || made.flag) {
      const std::int32_t length = frame_.extents().length(made.axis, place[0], at.data());
      number = made.op == OpCode::kLength ? length : length - 1 - number;
    }
    std::fill_n(frame_.result(step, point), step.elements, static_cast<T>(number));
  }
}

template <class T>
void PointWork<T>::draw(const Step& step, const BatchFeed<T>& feed, std::uint64_t seed) {
  const Instruction& made = *step.instruction;
  const PhiloxKey key = draw_key(seed, made.draw_name);
  const auto at_point = [&](const DrawPoint& point, T* out) {
    if (made.flag) {
      draw_normal(key, point, out, step.elements);
    } else {
      draw_uniform(key, point, out, step.elements);
    }
  };
  if (made.layout == kNone) return at_point(DrawPoint(), frame_.result(step, 0));
  const LayoutExtent& layout = frame_.extents().layout(made.layout);
  const SpaceExtent& points = frame_.extents().points(layout);
  const Range range = frame_.points(step);
  for (std::int32_t point = range.begin; point < range.end; ++point) {
    const std::int32_t* place = points.at(layout.canonical[static_cast<std::size_t>(point)]);
    at_point(draw_point(feed.example_id(frame_.shard().first() + place[0]), {place + 1, points.axes.size()}), frame_.result(step, point));
  }
}

template class PointWork<float>;
template class PointWork<double>;

}  // namespace tapeloop
