// What dumps print of an instruction: a line for each equation that it works out.
#pragma once

#include <cstddef>
#include <vector>

#include "core/plan.h"

namespace tapeloop {

struct PlanLine {
  struct Read {
    NodeId node = kNone;               // kNone: zeros
    const Operand* operand = nullptr;  // null: not from memory: an earlier line of the same program, or a matter of shape
  };
  const Equation* equation = nullptr;
  std::vector<Read> reads;
  BufferId buffer = kNone;  // kNone: the value is never in memory
};

// One for each op of a point program, in order; else one. They point into the instruction.
std::vector<PlanLine> lines_of(const Instruction& instruction);

}  // namespace tapeloop
