// What the data cannot say about an axis whose length a value decides.
#pragma once

#include <string>
#include <vector>

#include "core/diagnostics.h"
#include "core/graph.h"
#include "core/kind.h"

namespace tapeloop {

// Before a run nobody knows how many positions a decided axis has, so no input has numbers along it. Drops the terms of the loss that
// read such an input, and everything that is needed no more; reports what else reads one (E0611).
// REQUIRES: spaces and shapes; no total loss yet.
Graph leave_out_unknown(Graph graph, const std::vector<std::string>& keep, Diagnostics& diagnostics);

}  // namespace tapeloop
