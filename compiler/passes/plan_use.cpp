#include "compiler/passes/plan_use.h"

#include <utility>

namespace tapeloop {
namespace {

template <class Visit>
void each_instruction(Program& program, const Visit& visit) {
  for (Segment& segment : program) {
    for (InstructionId& id : segment.instructions) visit(id);
    each_instruction(segment.body, visit);
  }
}

void drop_instructions(Plan& plan) {
  std::vector<InstructionId> now(plan.instructions.size(), kNone);
  std::vector<Instruction> kept;
  const auto keep = [&](InstructionId& id) {
    InstructionId& place = now[static_cast<std::size_t>(id)];
    if (place == kNone) {
      place = static_cast<InstructionId>(kept.size());
      kept.push_back(std::move(plan.instructions[static_cast<std::size_t>(id)]));
    }
    id = place;
  };
  each_instruction(plan.forward, keep);
  each_instruction(plan.backward, keep);
  plan.instructions = std::move(kept);
}

template <class Visit>
void each_buffer(Instruction& made, const Visit& visit) {
  for (Result& result : made.results) visit(result.buffer);
  for (Operand& operand : made.operands) {
    visit(operand.buffer);
    for (BufferId& start : operand.starts) visit(start);
  }
}

}  // namespace

void drop_unused(Plan& plan) {
  drop_instructions(plan);
  std::vector<bool> used(plan.buffers.size());
  for (std::size_t k = 0; k < plan.buffers.size(); ++k) used[k] = plan.buffers[k].kind != Buffer::Kind::kValue;
  for (Instruction& made : plan.instructions) {
    each_buffer(made, [&](BufferId id) {
      if (id != kNone) used[static_cast<std::size_t>(id)] = true;
    });
  }
  std::vector<BufferId> now(plan.buffers.size(), kNone);
  std::vector<Buffer> kept;
  for (std::size_t k = 0; k < used.size(); ++k) {
    if (!used[k]) continue;
    now[k] = static_cast<BufferId>(kept.size());
    kept.push_back(std::move(plan.buffers[k]));
  }
  plan.buffers = std::move(kept);
  const auto rename = [&](BufferId& id) { id = id == kNone ? kNone : now[static_cast<std::size_t>(id)]; };
  for (Instruction& made : plan.instructions) each_buffer(made, rename);
  for (PlanValue& value : plan.nodes) rename(value.buffer);
}

bool begins_with(const Plan& plan, LayoutId layout, AxisId axis) {
  if (layout == kNone) return false;
  const std::vector<AxisId>& steps = plan.layouts[static_cast<std::size_t>(layout)].steps;
  return !steps.empty() && steps.front() == axis;
}

Reach reach_of(const Plan& plan, const Instruction& made, const Operand& operand, AxisId axis) {
  if (made.group != kNone) {
    const GroupSpec& spec = plan.groups[static_cast<std::size_t>(made.group)];
    const bool from = spec.kind == GroupSpec::Kind::kReduce && begins_with(plan, spec.source, axis);
    if (!from || !(begins_with(plan, spec.result, axis) || made.op == OpCode::kSumTo)) return Reach::kAny;
  }
  if (operand.table == kNone) return Reach::kOwn;
  const TableSpec& spec = plan.tables[static_cast<std::size_t>(operand.table)];
  if (spec.remap.from == axis || spec.remap.steps_along(axis)) return Reach::kAny;
  Reach reach = Reach::kOwn;
  for (const Move& move : spec.moves) {
    if (move.axis != axis || spec.kind == TableSpec::Kind::kSpread) continue;
    if (move.from != Move::From::kHere) return Reach::kAny;
    const bool before = (move.offset < 0) == (spec.kind == TableSpec::Kind::kMove);
    if (move.offset != 0) reach = before ? Reach::kBefore : Reach::kAfter;
  }
  return reach;
}

std::vector<int> count_reads(const Plan& plan) {
  std::vector<int> reads(plan.buffers.size(), 0);
  for (const Instruction& made : plan.instructions) {
    for_each_read(made, [&](BufferId id) { ++reads[static_cast<std::size_t>(id)]; });
  }
  return reads;
}

std::vector<bool> fixed_buffers(const Plan& plan, const std::vector<NodeId>& keep) {
  std::vector<bool> fixed(plan.buffers.size());
  const auto fix = [&](NodeId id) {
    if (id != kNone && plan.value(id).buffer != kNone) fixed[static_cast<std::size_t>(plan.value(id).buffer)] = true;
  };
  for (const NodeId id : plan.seeds) fix(id);
  for (const NodeId id : keep) fix(id);
  for (const OutputRef& output : plan.outputs) fix(output.node);
  for (const auto& [leaf, gradient] : plan.gradients) fix(gradient);
  for (const Axis& axis : plan.axes) {
    fix(axis.length);
    fix(axis.goes_on);
  }
  fix(plan.loss);
  for (const Instruction& made : plan.instructions) {
    for (const Operand& operand : made.operands) {
      for (const BufferId start : operand.starts) fixed[static_cast<std::size_t>(start)] = true;
    }
  }
  return fixed;
}

}  // namespace tapeloop
