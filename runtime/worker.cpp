#include "runtime/worker.h"

#include <algorithm>
#include <cmath>

#include "core/diagnostics.h"

namespace tapeloop {

template <class T>
Worker<T>::Worker(const Plan& plan, const BatchFeed<T>& feed, Buffers<T>& whole)
    : plan_(plan), feed_(feed), frame_(plan, whole), point_work_(frame_), sum_work_(frame_), whole_sums_(frame_) {}

template <class T>
void Worker<T>::run(const std::vector<Part>& stage, Shard<T>& shard, const Running& running) {
  running_ = running;
  frame_.go_to(running.strip);
  frame_.enter(shard);
  run_parts(stage, 0);
}

template <class T>
void Worker<T>::run(InstructionId id, std::int64_t tile, Shards<T> shards, const Running& running) {
  const Step& step = frame_.step(id);
  running_ = running;
  frame_.go_to(running.strip);
  std::int64_t points = 0;
  if (sums_shards(plan_, *step.instruction)) {
    whole_sums_.add_up(step, tile, shards);
    if (running_.times) points = whole_sums_.points(step, shards);
  } else {
    frame_.enter(*shards.front());  // for what is in P any shard will do
    execute(step);
    points = 1;
  }
  if (running_.times) running_.times->done(*step.instruction, points, tile == 0);
}

template <class T>
void Worker<T>::run_parts(const std::vector<Part>& parts, std::size_t depth) {
  for (const Part& part : parts) {
    for (const InstructionId id : part.instructions) {
      const Step& step = frame_.step(id);
      execute(step);
      if (running_.times) note(step);
    }
    if (part.scan) run_scan(part, depth);
  }
}

template <class T>
void Worker<T>::run_scan(const Part& part, std::size_t depth) {
  const NestExtent& nest = frame_.extents().nest(part.nest);
  const auto outer = static_cast<std::size_t>(frame_.block(depth));
  const bool in_strips = depth == 0 && frame_.strip().axis != kNone;
  const std::int32_t first = nest.child[outer] + (in_strips ? frame_.strip().begin : 0);
  const std::int32_t end = in_strips ? nest.child[outer] + frame_.strip().end : nest.child[outer + 1];
  if (part.one_pass) return run_in_one_pass(part, {first, end, part.backwards});
  const std::int32_t turns = (end - first + part.together - 1) / part.together;
  for (std::int32_t k = 0; k < turns; ++k) {
    const std::int32_t block = first + (part.backwards ? turns - 1 - k : k) * part.together;
    frame_.stand_in(depth + 1, block, std::min(block + part.together, end));
    run_parts(part.body, depth + 1);
    if (part.goes_on != kNone && is_over(part, depth + 1)) return clear_rest(part, depth + 1, block + 1, end);
  }
}

// Whether no row goes on after the current block.
template <class T>
bool Worker<T>::is_over(const Part& part, std::size_t depth) {
  const PlanValue& goes_on = plan_.value(part.goes_on);
  Buffers<T>& buffers = frame_.shard().buffers();
  const Range range = frame_.points(buffers.of(goes_on.buffer).layout, static_cast<int>(depth));
  for (std::int32_t point = range.begin; point < range.end; ++point) {
    if (buffers.row(goes_on.buffer, point)[goes_on.column] != T(0)) return false;
  }
  return true;
}

// Blocks first .. end - 1 of what outlives a step: others read all positions of it.
template <class T>
void Worker<T>::clear_rest(const Part& part, std::size_t depth, std::int32_t first, std::int32_t end) {
  if (first >= end) return;
  Buffers<T>& buffers = frame_.shard().buffers();
  for (const BufferId id : part.rest) {
    const std::vector<std::int32_t>& start = frame_.extents().layout(buffers.of(id).layout).start[depth];
    const std::int32_t held = frame_.reader().first_row(id);
    std::fill(buffers.row(id, start[static_cast<std::size_t>(first)] - held), buffers.row(id, start[static_cast<std::size_t>(end)] - held),
              T(0));
  }
}

template <class T>
void Worker<T>::run_in_one_pass(const Part& part, const ScanBlocks& blocks) {
  const Step& step = frame_.step(part.body.front().instructions.front());
  point_work_.scan(step, blocks);
  if (!running_.times) return;
  const Instruction& made = *step.instruction;
  const std::vector<std::int32_t>& start = frame_.extents().layout(made.layout).start[static_cast<std::size_t>(made.depth)];
  running_.times->done(made, start[static_cast<std::size_t>(blocks.end)] - start[static_cast<std::size_t>(blocks.first)]);
}

template <class T>
void Worker<T>::execute(const Step& step) {
  switch (step.instruction->op) {
    case OpCode::kPoint:
      return point_work_.point(step);
    case OpCode::kLocal:
      return point_work_.local(step);
    case OpCode::kMove:
      return point_work_.move(step);
    case OpCode::kIndex:
    case OpCode::kLength:
      return point_work_.positions(step);
    case OpCode::kCount:
    case OpCode::kFill:
      return point_work_.fill(step);
    case OpCode::kDraw:
      return point_work_.draw(step, feed_, running_.seed);
    case OpCode::kPack:
      return sum_work_.pack(step);
    case OpCode::kProduct:
      return sum_work_.product(step);
    case OpCode::kProductSum:
      return sum_work_.product_sum(step);
    case OpCode::kSumTo:
    case OpCode::kMoveOutside:
      return sum_work_.sum(step);
    case OpCode::kExtremeAlong:
      return sum_work_.extreme(step);
    case OpCode::kSetLengths:
      return set_lengths(step);
  }
}

// Apart from `run_parts`, so that what is seldom asked for stays out of its loop. A sum works on the points that it adds up.
template <class T>
void Worker<T>::note(const Step& step) {
  const Instruction& made = *step.instruction;
  LayoutId layout = made.layout;
  if (made.group != kNone) {
    layout = plan_.groups[static_cast<std::size_t>(made.group)].source;
  } else if (made.op == OpCode::kProductSum && step.operands[0].buffer != kNone) {
    layout = plan_.buffers[static_cast<std::size_t>(step.operands[0].buffer)].layout;
  }
  const Extents& extents = frame_.extents();
  const bool in_blocks = layout == kNone || static_cast<std::size_t>(made.depth) < extents.layout(layout).start.size();
  running_.times->done(made, in_blocks ? frame_.points(layout, made.depth).size() : extents.layout(layout).points());
}

// The lengths of an axis, from the value that says them: one for each point of the axes that it lies within.
template <class T>
void Worker<T>::set_lengths(const Step& step) {
  const Instruction& made = *step.instruction;
  const Axis& axis = plan_.axes[static_cast<std::size_t>(made.axis)];
  Shard<T>& shard = frame_.shard();
  const BufferId source = step.operands[0].buffer;
  const LayoutId order = shard.buffers().of(source).layout;
  const SpaceExtent& runs = shard.extents().within(made.axis);
  std::vector<std::int32_t>& lengths = shard.lengths_scratch();
  std::int32_t at[kMaxAxes];
  lengths.resize(static_cast<std::size_t>(runs.points));
  for (std::int32_t run = 0; run < runs.points; ++run) {
    const std::int32_t* place = runs.at(run);
    for (std::size_t k = 0; k < runs.axes.size(); ++k) at[runs.axes[k]] = place[k + 1];
    std::int32_t point = 0;
    if (order != kNone) {
      const LayoutExtent& layout = shard.extents().layout(order);
      point = layout.point_of[static_cast<std::size_t>(shard.extents().index(shard.extents().points(layout), place[0], at))];
    }
    const double length = *frame_.reader().row(source, point);
    if (!(length >= 0 && length < 2147483648.0 && std::trunc(length) == length)) {
      Diagnostics diagnostics;
      diagnostics.error("E0708", axis.source,
                        "a length of axis " + axis.name + " is " + std::to_string(length) + ": expected a whole number from 0 on");
      throw ModelError(diagnostics.sorted());
    }
    lengths[static_cast<std::size_t>(run)] = static_cast<std::int32_t>(length);
  }
  shard.extents().set_lengths(made.axis, lengths);
  shard.announce();
  shard.prepare();
}

template class Worker<float>;
template class Worker<double>;

}  // namespace tapeloop
