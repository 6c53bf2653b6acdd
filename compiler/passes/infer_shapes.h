// Finds shape and type of every node.
#pragma once

#include "core/diagnostics.h"
#include "core/graph.h"

namespace tapeloop {

// In a cycle a point node goes by the operands that are known so far; a cycle that reads only itself starts as a scalar; all are
// checked once more at the end. Sizes without a number are unified: `features` is what feeds it, `_` what its use decides; what
// stays free keeps its name. An int becomes a float beside a float.
// REQUIRES: spaces and explicit reads. Ensures: Node::shape and type (resolved), Outside::slots.
Graph infer_shapes(Graph graph, Diagnostics& diagnostics);

}  // namespace tapeloop
