// Cheap point work of a bulk that nobody but the step of one scan reads goes into that step. Partition takes out of a loop all that
// may leave it, which is right for products; a product of two values that the step has at hand anyway would rather be written to
// memory for all positions and read again.
#pragma once

#include <vector>

#include "core/plan.h"

namespace tapeloop {

// `fixed`: buffers that somebody outside the plan reads; they stay where they are.
void sink(Plan& plan, const std::vector<bool>& fixed);

}  // namespace tapeloop
