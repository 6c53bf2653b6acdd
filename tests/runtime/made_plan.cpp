#include "tests/runtime/made_plan.h"

#include <utility>

#include "nodes/registry.h"
#include "tests/runtime/places.h"

namespace tapeloop::test {
namespace {

// Reverses the elements of each point.
template <class T>
void reverse_kernel(const LocalCall<T>& call) {
  const std::int64_t n = call.params[0];
  for (std::int64_t point = 0; point < call.points; ++point) {
    for (std::int64_t k = 0; k < n; ++k) call.out[point * n + k] = call.in[0][point * call.in_stride[0] + n - 1 - k];
  }
}

// One number for each point: the sum of its elements.
template <class T>
void row_sum_kernel(const LocalCall<T>& call) {
  for (std::int64_t point = 0; point < call.points; ++point) {
    call.out[point] = 0;
    for (std::int64_t k = 0; k < call.params[0]; ++k) call.out[point] += call.in[0][point * call.in_stride[0] + k];
  }
}

}  // namespace

const Registry& made_kinds() {
  static const Registry kKinds = [] {
    Registry kinds;
    const Registry all = make_registry();
    kinds.add(all.at("add"));
    kinds.add(all.at("multiply"));
    NodeKind reverse;
    reverse.name = "reverse";
    reverse.role = Role::kLocal;
    reverse.local.f32 = reverse_kernel<float>;
    reverse.local.f64 = reverse_kernel<double>;
    kinds.add(reverse);
    NodeKind row_sum;
    row_sum.name = "row_sum";
    row_sum.role = Role::kLocal;
    row_sum.local.f32 = row_sum_kernel<float>;
    row_sum.local.f64 = row_sum_kernel<double>;
    kinds.add(row_sum);
    NodeKind sum;
    sum.name = "matmul_sum";
    sum.role = Role::kProductSum;
    kinds.add(sum);
    return kinds;
  }();
  return kKinds;
}

MadePlan::MadePlan() { plan.axes = {axis("t"), axis("u", kT), axis("s")}; }

LayoutId MadePlan::layout(std::vector<AxisId> steps, std::vector<AxisId> runs) {
  std::vector<AxisId> all = steps;
  all.insert(all.end(), runs.begin(), runs.end());
  const Layout made{space_of(all), std::move(steps), std::move(runs)};
  for (std::size_t k = 0; k < plan.layouts.size(); ++k) {
    if (plan.layouts[k] == made) return static_cast<LayoutId>(k);
  }
  plan.layouts.push_back(made);
  return static_cast<LayoutId>(plan.layouts.size()) - 1;
}

NodeId MadePlan::add_value(const std::string& name, Buffer::Kind kind, LayoutId layout, const std::vector<std::int64_t>& shape, Type type) {
  Buffer buffer;
  buffer.kind = kind;
  buffer.layout = layout;
  buffer.shape.assign(shape.begin(), shape.end());
  buffer.elements = elements(buffer.shape);
  plan.buffers.push_back(buffer);
  PlanValue value;
  value.name = name;
  value.space = layout == kNone ? Space() : plan.layouts[static_cast<std::size_t>(layout)].space;
  value.shape = buffer.shape;
  value.type = type;
  value.whole.type = type;
  value.buffer = static_cast<BufferId>(plan.buffers.size()) - 1;
  value.readable = true;
  plan.nodes.push_back(value);
  return static_cast<NodeId>(plan.nodes.size()) - 1;
}

NodeId MadePlan::input(const std::string& name, LayoutId layout, const std::vector<std::int64_t>& shape, Type type) {
  plan.inputs.push_back(add_value(name, Buffer::Kind::kInput, layout, shape, type));
  return plan.inputs.back();
}

NodeId MadePlan::parameter(const std::string& name, const std::vector<std::int64_t>& shape) {
  plan.parameters.push_back(add_value(name, Buffer::Kind::kParameter, kNone, shape, Type::kFloat));
  return plan.parameters.back();
}

NodeId MadePlan::value(const std::string& name, LayoutId layout, const std::vector<std::int64_t>& shape) {
  return add_value(name, Buffer::Kind::kValue, layout, shape, Type::kFloat);
}

TableId MadePlan::table(TableSpec spec) {
  plan.tables.push_back(std::move(spec));
  return static_cast<TableId>(plan.tables.size()) - 1;
}

TableId MadePlan::spread(LayoutId reader, LayoutId source, int depth) {
  TableSpec spec;
  spec.reader = reader;
  spec.source = source;
  spec.depth = depth;
  return table(spec);
}

TableId MadePlan::tap(LayoutId layout, AxisId axis, std::int32_t offset, int depth, std::vector<LayoutId> starts, std::int32_t slots) {
  TableSpec spec;
  spec.kind = TableSpec::Kind::kMove;
  spec.reader = layout;
  spec.source = layout;
  spec.moves = {{axis, Move::From::kHere, offset}};
  if (!starts.empty()) spec.outsides = {{axis, 1, slots}};
  spec.starts = std::move(starts);
  spec.depth = depth;
  return table(spec);
}

Operand MadePlan::read(NodeId node, TableId table, const std::vector<NodeId>& starts) {
  Operand operand;
  operand.buffer = node == kNone ? kNone : plan.value(node).buffer;
  operand.table = table;
  for (const NodeId start : starts) operand.starts.push_back(plan.value(start).buffer);
  return operand;
}

Instruction& MadePlan::add(OpCode op, NodeId result, std::vector<Operand> operands, int depth) {
  Instruction made;
  made.op = op;
  made.node = result;
  made.operands = std::move(operands);
  if (result != kNone) {
    made.results = {{plan.value(result).buffer}};
    made.layout = plan.buffers[static_cast<std::size_t>(made.result())].layout;
    made.text = plan.value(result).name;
  }
  made.depth = depth;
  plan.instructions.push_back(made);
  return plan.instructions.back();
}

Instruction& MadePlan::point(const std::string& kind, NodeId result, std::vector<Operand> operands, int depth) {
  Instruction& made = add(OpCode::kPoint, result, std::move(operands), depth);
  made.kind = &made_kinds().at(kind);
  PointOp op;
  static_cast<Equation&>(op) = made;
  for (std::size_t k = 0; k < made.operands.size(); ++k) op.inputs.push_back(static_cast<std::int32_t>(k));
  made.program = {std::move(op)};
  const std::int64_t n = elements(plan.value(result).shape);
  if (n > 1) made.loop.dims = {n};
  for (const Operand& operand : made.operands) {
    const bool one = operand.buffer != kNone && plan.buffers[static_cast<std::size_t>(operand.buffer)].elements == 1;
    made.loop.strides.push_back(n > 1 ? std::vector<std::int64_t>{one ? 0 : 1} : std::vector<std::int64_t>{});
  }
  return made;
}

Instruction& MadePlan::program(std::vector<Operand> operands, const std::vector<ProgramOp>& ops, int depth) {
  Instruction& made = add(OpCode::kPoint, ops.back().node, std::move(operands), depth);
  made.results.clear();
  for (const ProgramOp& op : ops) {
    PointOp made_op;
    made_op.kind = &made_kinds().at(op.kind);
    made_op.node = op.node;
    made_op.text = plan.value(op.node).name;
    made_op.inputs = op.inputs;
    made_op.local.numbers = op.numbers;
    made.program.push_back(std::move(made_op));
    made.results.push_back({op.stored ? plan.value(op.node).buffer : kNone});
  }
  return made;
}

Segment MadePlan::bulk(std::vector<InstructionId> instructions) {
  Segment segment;
  segment.instructions = std::move(instructions);
  return segment;
}

Segment MadePlan::whole(std::vector<InstructionId> instructions) {
  Segment segment = bulk(std::move(instructions));
  segment.stage = 2;
  return segment;
}

Segment MadePlan::scan(std::vector<AxisId> nest, std::vector<Segment> body, bool backwards) {
  Segment segment;
  segment.kind = Segment::Kind::kScan;
  segment.axis = nest.back();
  segment.nest = std::move(nest);
  segment.body = std::move(body);
  segment.backwards = backwards;
  return segment;
}

}  // namespace tapeloop::test
