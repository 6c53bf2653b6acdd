#include "runtime/executor.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/diagnostics.h"
#include "runtime/worker_scope.h"

namespace tapeloop {
namespace {

[[noreturn]] void raise(std::string_view code, const Source& source, std::string message, std::string help = {}) {
  Diagnostics diagnostics;
  diagnostics.error(code, source, std::move(message), std::move(help));
  throw ModelError(diagnostics.sorted());
}

// The blocks of an instruction are those of the scans around it.
void check_nest(const Plan& plan, const Instruction& made, const std::vector<AxisId>& nest) {
  bool fits = made.depth == static_cast<int>(nest.size());
  LayoutId layout = made.layout;
  if (made.group != kNone) layout = plan.groups[static_cast<std::size_t>(made.group)].result;
  if (layout != kNone) {
    const std::vector<AxisId>& steps = plan.layouts[static_cast<std::size_t>(layout)].steps;
    fits = fits && steps.size() >= nest.size() && std::equal(nest.begin(), nest.end(), steps.begin());
  }
  if (!fits) throw std::logic_error("plan: '" + made.text + "' does not step like the scans around it");
}

}  // namespace

template <class T>
Executor<T>::Executor(std::shared_ptr<const Plan> plan, const RunOptions& options)
    : plan_(std::move(plan)),
      seed_(options.seed),
      poison_(options.poison),
      extents_(*plan_),
      tables_(*plan_, extents_, options.swapped),
      buffers_(*plan_, extents_, options.max_bytes),
      feed_(*plan_, extents_, buffers_),
      frame_(*plan_, extents_, tables_, buffers_),
      point_work_(frame_),
      sum_work_(frame_) {
  if (!plan_->executable) throw std::logic_error("a plan with free sizes cannot run");
  packed_.assign(plan_->instructions.size(), 0);
  forward_ = bind(plan_->forward, {});
  backward_ = bind(plan_->backward, {});
}

template <class T>
std::vector<Stage> Executor<T>::bind(const Program& program, const std::vector<AxisId>& nest) const {
  std::vector<Stage> stages;
  for (const Segment& segment : program) {
    Stage stage;
    stage.scan = segment.kind == Segment::Kind::kScan;
    stage.backwards = segment.backwards;
    for (const InstructionId id : segment.instructions) {
      check_nest(*plan_, plan_->instructions[static_cast<std::size_t>(id)], nest);
      stage.steps.push_back(&frame_.step(id));
    }
    if (stage.scan) {
      stage.nest = extents_.nest_id(segment.nest);
      stage.body = bind(segment.body, segment.nest);
    }
    stages.push_back(std::move(stage));
  }
  return stages;
}

template <class T>
void Executor<T>::bind_parameter(NodeId parameter, const T* data) {
  const BufferId id = plan_->value(parameter).buffer;
  if (id != kNone) buffers_.bind(id, data);
  ++changes_;
}

template <class T>
T* Executor<T>::own_parameter(NodeId parameter) {
  const BufferId id = plan_->value(parameter).buffer;
  if (id == kNone) return nullptr;
  buffers_.bind(id, nullptr);
  buffers_.make_room(id);
  ++changes_;
  return buffers_.data(id);
}

template <class T>
void Executor<T>::check_parameters() const {
  for (const NodeId id : plan_->parameters) {
    const PlanValue& value = plan_->value(id);
    if (value.buffer == kNone || buffers_.has(value.buffer)) continue;
    raise("E0712", value.source, "parameter '" + value.name + "' has no numbers yet");
  }
}

template <class T>
void Executor<T>::forward(const Batch<T>& batch) {
  const WorkerScope scope;
  ran_ = false;
  check_parameters();
  feed_.start(batch);
  if (poison_) buffers_.begin_poison();
  lengths_known();
  if (times_) times_->start();
  run(forward_, 0);
  ran_ = true;
}

template <class T>
void Executor<T>::backward(const Cotangents<T>& cotangents) {
  if (!ran_) throw std::logic_error("backward without forward");
  const WorkerScope scope;
  feed_.pack_seeds(cotangents);
  if (times_) times_->start();
  run(backward_, 0);
}

// Makes whatever the lengths that are known by now allow to be made.
template <class T>
void Executor<T>::lengths_known() {
  feed_.give_lengths();
  tables_.build();
  buffers_.make_room();
  if (poison_) buffers_.poison();
  feed_.pack();
}

template <class T>
void Executor<T>::run(const std::vector<Stage>& stages, std::size_t depth) {
  for (const Stage& stage : stages) {
    for (const Step* step : stage.steps) {
      execute(*step);
      if (times_) note(*step);
    }
    if (stage.scan) run_scan(stage, depth);
  }
}

template <class T>
void Executor<T>::run_scan(const Stage& stage, std::size_t depth) {
  const NestExtent& nest = extents_.nest(stage.nest);
  const auto outer = static_cast<std::size_t>(frame_.block(depth));
  const std::int32_t first = nest.child[outer];
  const std::int32_t last = nest.child[outer + 1] - 1;
  for (std::int32_t k = first; k <= last; ++k) {
    frame_.block(depth + 1) = stage.backwards ? last - (k - first) : k;
    run(stage.body, depth + 1);
  }
}

template <class T>
void Executor<T>::execute(const Step& step) {
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
      return point_work_.draw(step, feed_, seed_);
    case OpCode::kPack:
      return pack(step);
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

// Apart from `run`, so that what is seldom asked for stays out of its loop. A sum works on the points that it adds up.
template <class T>
void Executor<T>::note(const Step& step) {
  const Instruction& made = *step.instruction;
  LayoutId layout = made.layout;
  if (made.group != kNone) {
    layout = plan_->groups[static_cast<std::size_t>(made.group)].source;
  } else if ((made.op == OpCode::kSumTo || made.op == OpCode::kProductSum) && step.operands[0].buffer != kNone) {
    layout = buffers_.of(step.operands[0].buffer).layout;
  }
  const bool in_blocks = layout == kNone || static_cast<std::size_t>(made.depth) < extents_.layout(layout).start.size();
  times_->done(made, in_blocks ? frame_.points(layout, made.depth).size() : extents_.layout(layout).points());
}

// Weights of the run's own are packed again only after own_parameter has let somebody change them; the caller's may change any time.
template <class T>
void Executor<T>::pack(const Step& step) {
  const bool own =
      std::all_of(step.operands.begin(), step.operands.end(), [&](const BoundOperand& o) { return buffers_.has_own(o.buffer); });
  std::int64_t& packed = packed_[static_cast<std::size_t>(step.instruction - plan_->instructions.data())];
  if (step.instruction->once && own && packed == changes_) return;
  sum_work_.pack(step);
  packed = changes_;
}

// The lengths of an axis, from the value that says them: one for each point of the axes that it lies within.
template <class T>
void Executor<T>::set_lengths(const Step& step) {
  const Instruction& made = *step.instruction;
  const Axis& axis = plan_->axes[static_cast<std::size_t>(made.axis)];
  const BufferId source = step.operands[0].buffer;
  const LayoutId order = buffers_.of(source).layout;
  const SpaceExtent& runs = extents_.within(made.axis);
  std::int32_t at[kMaxAxes];
  lengths_.resize(static_cast<std::size_t>(runs.points));
  for (std::int32_t run = 0; run < runs.points; ++run) {
    const std::int32_t* place = runs.at(run);
    for (std::size_t k = 0; k < runs.axes.size(); ++k) at[runs.axes[k]] = place[k + 1];
    std::int32_t point = 0;
    if (order != kNone) {
      const LayoutExtent& layout = extents_.layout(order);
      point = layout.point_of[static_cast<std::size_t>(extents_.index(extents_.points(layout), place[0], at))];
    }
    const double length = *frame_.reader().row(source, point);
    if (!(length >= 0 && length < 2147483648.0 && std::trunc(length) == length)) {
      raise("E0708", axis.source,
            "a length of axis " + axis.name + " is " + std::to_string(length) + ": expected a whole number from 0 on");
    }
    lengths_[static_cast<std::size_t>(run)] = static_cast<std::int32_t>(length);
  }
  extents_.set_lengths(made.axis, lengths_);
  lengths_known();
}

template class Executor<float>;
template class Executor<double>;

}  // namespace tapeloop
