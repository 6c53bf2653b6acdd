#include "runtime/point_work.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "core/kind.h"
#include "runtime/draws.h"

namespace tapeloop {
template <class T>
PointWork<T>::PointWork(Frame<T>& frame) : frame_(frame) {
  for (std::size_t id = 0; id < frame.plan().instructions.size(); ++id) {
    const Step& step = frame.step(static_cast<InstructionId>(id));
    if (step.instruction->op != OpCode::kPoint) continue;
    programs_.emplace_back(frame.plan(), step);
    programs_.back().make_ready(scratch_);
  }
  for (std::size_t id = 0; id < frame.plan().instructions.size(); ++id) {
    const Step& step = frame.step(static_cast<InstructionId>(id));
    if (step.instruction->op == OpCode::kPoint) scans_.emplace_back(programs_[step.program], step);
  }
}

template <class T>
void PointWork<T>::local(const Step& step) {
  const LocalFunction<T> kernel = step.instruction->kind->local.template of<T>();
  if (step.operands.size() > kMostLocalInputs) throw std::logic_error("'" + step.instruction->text + "' has too many operands");
  frame_.in_tiles(step, frame_.points(step), [&](std::int32_t begin, std::int32_t end) {
    std::array<const T*, kMostLocalInputs> in{};
    std::array<std::int64_t, kMostLocalInputs> stride{};
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
    std::int32_t at[kMaxAxes];
    const std::int64_t row = frame_.shard().first() + place[0];
    for (std::size_t k = 0; k < points.axes.size(); ++k) at[k] = place[k + 1] + feed.first_position(points.axes[k], row);
    at_point(draw_point(feed.example_id(row), {at, points.axes.size()}), frame_.result(step, point));
  }
}

template class PointWork<float>;
template class PointWork<double>;

}  // namespace tapeloop
