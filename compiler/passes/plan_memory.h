// Lets values share buffers: those that live only within one step keep one block, those within one chunk of
// strips have room for one chunk, and those whose lives do not overlap take turns.
#pragma once

#include <vector>

#include "core/plan.h"

namespace tapeloop {

// Ensures: inputs, parameters, outputs, gradients, the loss, lengths, `keep` and what backward reads have buffers of their own
// until the end of the run. With share off every value has.
Plan plan_memory(Plan plan, bool share, const std::vector<NodeId>& keep);

}  // namespace tapeloop
