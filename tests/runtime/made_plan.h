// Plans made by hand, instruction by instruction, for tests of the runtime alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/kind.h"
#include "core/plan.h"

namespace tapeloop::test {

class MadePlan {
 public:
  // Axes: t, u within t, s.
  MadePlan();

  static constexpr AxisId kT = 0;
  static constexpr AxisId kU = 1;
  static constexpr AxisId kS = 2;

  LayoutId layout(std::vector<AxisId> steps, std::vector<AxisId> runs = {});
  NodeId input(const std::string& name, LayoutId layout, const std::vector<std::int64_t>& shape, Type type = Type::kFloat);
  NodeId parameter(const std::string& name, const std::vector<std::int64_t>& shape);
  // A value that an instruction writes.
  NodeId value(const std::string& name, LayoutId layout, const std::vector<std::int64_t>& shape);

  TableId table(TableSpec spec);
  TableId spread(LayoutId reader, LayoutId source, int depth = 0);
  TableId tap(LayoutId layout, AxisId axis, std::int32_t offset, int depth, std::vector<LayoutId> starts = {}, std::int32_t slots = 0);

  Operand read(NodeId node, TableId table = kNone, const std::vector<NodeId>& starts = {});
  // result = op(operands) at `depth`, in the layout of the result; node names what is missing.
  Instruction& add(OpCode op, NodeId result, std::vector<Operand> operands, int depth = 0);
  // Elementwise: "add", "multiply".
  Instruction& point(const std::string& kind, NodeId result, std::vector<Operand> operands, int depth = 0);
  struct ProgramOp {
    std::string kind;
    NodeId node = kNone;
    std::vector<std::int32_t> inputs;  // registers: operands, then the ops before
    bool stored = true;
    std::vector<std::int64_t> numbers;  // of a local kind
  };
  Instruction& program(std::vector<Operand> operands, const std::vector<ProgramOp>& ops, int depth = 0);
  InstructionId last() const { return static_cast<InstructionId>(plan.instructions.size()) - 1; }

  static Segment bulk(std::vector<InstructionId> instructions);
  static Segment whole(std::vector<InstructionId> instructions);  // in P: after all shards have done the segments before
  static Segment scan(std::vector<AxisId> nest, std::vector<Segment> body, bool backwards = false);
  std::shared_ptr<const Plan> done() const { return std::make_shared<const Plan>(plan); }

  Plan plan;

 private:
  NodeId add_value(const std::string& name, Buffer::Kind kind, LayoutId layout, const std::vector<std::int64_t>& shape, Type type);
};

// Kinds for tests, with kernels of their own.
const Registry& made_kinds();

}  // namespace tapeloop::test
