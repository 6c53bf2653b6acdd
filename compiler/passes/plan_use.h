// Which instruction of a plan uses which buffer.
#pragma once

#include <vector>

#include "core/plan.h"

namespace tapeloop {

// Every buffer that an instruction reads, start values too; as often as it is read.
template <class Visit>
void for_each_read(const Instruction& made, const Visit& visit) {
  for (const Operand& operand : made.operands) {
    if (operand.buffer != kNone) visit(operand.buffer);
    for (const BufferId start : operand.starts) visit(start);
  }
}

// How far from its own position on an axis an instruction reads. kAny: at several positions, or from an end. A sum over the axis adds
// up what is at each position: kOwn.
enum class Reach { kOwn, kBefore, kAfter, kAny };
Reach reach_of(const Plan& plan, const Instruction& made, const Operand& operand, AxisId axis);

// Whether the points of a layout are ordered by their position on the axis first.
bool begins_with(const Plan& plan, LayoutId layout, AxisId axis);

std::vector<int> count_reads(const Plan& plan);  // [buffer]

// Buffers that somebody outside the plan reads, or that are start values: outputs, gradients, lengths, the loss, `keep`.
std::vector<bool> fixed_buffers(const Plan& plan, const std::vector<NodeId>& keep);

// Drops instructions that stand in no segment and buffers that no instruction uses.
void drop_unused(Plan& plan);

}  // namespace tapeloop
