#include "compiler/plan_lines.h"

#include <algorithm>

namespace tapeloop {
namespace {

PlanLine::Read read_of(const Instruction& instruction, std::size_t operand) {
  const NodeId node = operand < instruction.reads.size() ? instruction.reads[operand] : kNone;
  return {node, operand < instruction.operands.size() ? &instruction.operands[operand] : nullptr};
}

}  // namespace

std::vector<PlanLine> lines_of(const Instruction& instruction) {
  const std::size_t operands = instruction.operands.size();
  std::vector<PlanLine> lines;
  if (instruction.op != OpCode::kPoint) {
    PlanLine line{&instruction, {}, instruction.result()};
    for (std::size_t k = 0; k < std::max(operands, instruction.reads.size()); ++k) line.reads.push_back(read_of(instruction, k));
    return {line};
  }
  for (std::size_t k = 0; k < instruction.program.size(); ++k) {
    const PointOp& op = instruction.program[k];
    PlanLine line{&op, {}, instruction.results[k].buffer};
    for (const std::int32_t input : op.inputs) {
      const auto from = static_cast<std::size_t>(input);
      line.reads.push_back(from < operands ? read_of(instruction, from)
                                           : PlanLine::Read{instruction.program[from - operands].node, nullptr});
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace tapeloop
