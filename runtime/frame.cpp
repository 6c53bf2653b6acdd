#include "runtime/frame.h"

#include <algorithm>
#include <stdexcept>

#include "runtime/product_kernels.h"

namespace tapeloop {
namespace {

constexpr std::int64_t kTileElements = 32768;  // of an operand that is gathered: stays in the second level of cache

[[noreturn]] void defect(const Instruction& instruction, const std::string& what) {
  throw std::logic_error("plan: '" + instruction.text + "': " + what);
}

// Without a table, an operand's points are the instruction's own, or its row is the one of P.
void check_operand(const Plan& plan, const Instruction& instruction, const Operand& operand) {
  const bool by_group = instruction.group != kNone || instruction.op == OpCode::kSetLengths;
  if (operand.table != kNone) {
    const TableSpec& spec = plan.tables[static_cast<std::size_t>(operand.table)];
    if (spec.reader != instruction.layout) defect(instruction, "a table of another layout");
    if (spec.depth != instruction.depth) defect(instruction, "a table of another depth");
    return;
  }
  if (operand.buffer == kNone) defect(instruction, "an operand is missing");
  const LayoutId source = plan.buffers[static_cast<std::size_t>(operand.buffer)].layout;
  if (!by_group && source != kNone && source != instruction.layout) defect(instruction, "an operand of another layout has no table");
}

}  // namespace

template <class T>
Frame<T>::Frame(const Plan& plan, Buffers<T>& whole)
    : plan_(plan), whole_(whole), blocks_(kMaxAxes + 1, 0), ends_(kMaxAxes + 1, 1), reader_(plan, blocks_, strip_) {
  steps_.reserve(plan.instructions.size());
  for (const Instruction& instruction : plan.instructions) bind(instruction);
  std::int64_t widest = 1;
  for (const Step& step : steps_) {
    for (const BoundOperand& operand : step.operands) widest = std::max(widest, operand.elements);
  }
  reader_.reserve_zeros(widest);
}

template <class T>
void Frame<T>::enter(Shard<T>& shard) {
  shard_ = &shard;
  reader_.enter(shard);
  strip_ = Strip();
  if (number_.axis == kNone) return;
  const Extents& extents = shard.extents();
  const std::int64_t positions = extents.strip_positions(number_.axis);
  const std::int64_t longest = extents.longest(number_.axis);
  strip_.axis = number_.axis;
  strip_.begin = static_cast<std::int32_t>(std::min(number_.chunk * positions, longest));
  strip_.end = static_cast<std::int32_t>(std::min(strip_.begin + positions, longest));
}

template <class T>
void Frame<T>::bind(const Instruction& instruction) {
  Step step;
  step.instruction = &instruction;
  for (const Result& result : instruction.results) {
    if (result.buffer != kNone) step.elements = std::max(step.elements, whole_.of(result.buffer).elements);
  }
  std::int64_t widest = 1;
  for (const Operand& operand : instruction.operands) {
    check_operand(plan_, instruction, operand);
    step.operands.push_back(bind_operand(plan_, operand));
    widest = std::max(widest, step.operands.back().elements);
  }
  step.tile = static_cast<std::int32_t>(std::max<std::int64_t>(kTileElements / widest, 1));
  // A sum of products goes over its whole result once for each tile.
  if (instruction.op == OpCode::kProductSum) step.tile = std::max(step.tile, static_cast<std::int32_t>(kSummedRows));
  while (scratch_.size() < std::max<std::size_t>(step.operands.size(), 2)) scratch_.emplace_back();
  for (std::size_t k = 0; k < scratch_.size(); ++k) {
    const std::int64_t rows = k < step.operands.size() ? step.operands[k].elements * step.tile : 1;
    scratch_[k].grow(static_cast<std::size_t>(std::max(rows, step.elements)));
  }
  local_scratch_.grow(static_cast<std::size_t>(instruction.local.scratch));
  if (instruction.op == OpCode::kPoint) {
    step.program = programs_++;
    for (const PointOp& op : instruction.program) local_scratch_.grow(static_cast<std::size_t>(op.local.scratch));
  }
  steps_.push_back(std::move(step));
}

template <class T>
bool Frame<T>::is_in_strips(LayoutId layout) const {
  if (strip_.axis == kNone) return false;
  const std::vector<AxisId>& steps = plan_.layouts[static_cast<std::size_t>(layout)].steps;
  return !steps.empty() && steps.front() == strip_.axis;
}

template <class T>
Range Frame<T>::points(LayoutId layout, int depth) const {
  if (layout == kNone) return {0, 1};
  if (depth == 0 && is_in_strips(layout)) {
    const std::vector<std::int32_t>& of_position = shard_->extents().layout(layout).start[1];
    return {of_position[static_cast<std::size_t>(strip_.begin)], of_position[static_cast<std::size_t>(strip_.end)]};
  }
  const std::vector<std::int32_t>& start = shard_->extents().layout(layout).start[static_cast<std::size_t>(depth)];
  const auto at = static_cast<std::size_t>(depth);
  return {start[static_cast<std::size_t>(blocks_[at])], start[static_cast<std::size_t>(ends_[at])]};
}

template class Frame<float>;
template class Frame<double>;

}  // namespace tapeloop
