// What a point program says of itself in dumps and profiles.
#pragma once

#include "core/plan.h"

namespace tapeloop {

// The values that it stores; the reason of its first op; the sum of the costs. Operands are read once, by the op that meets them
// first; results count where they are stored. Requires: operands, ops and results are there.
void describe_program(const Plan& plan, Instruction& program);

}  // namespace tapeloop
