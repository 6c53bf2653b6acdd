// Checkpointing for models that cannot be cut into chunks as a whole: of what is inside a scan only what taps read is kept; backward
// works the rest out again, and what feeds only that scan. As the states are kept, no loop is needed for it: it is bulk, which
// `strips` then does a chunk of positions at a time.
//
//   forward    x @ W -> [ gates, h ]                       keeps x, h
//   backward   x @ W, gates again -> [ d(gates), d(h) ]
#pragma once

#include <string>
#include <vector>

#include "core/graph.h"
#include "core/kind.h"

namespace tapeloop {

// Requires: a differentiated graph that is legal. Ensures: backward reads no forward value that stands inside a scan or feeds only
// one, unless it is tapped, a reduction, an output or one of `keep`; it reads copies (Node::again) with the same numbers. Those that nobody
// needs any more are still there.
Graph recompute(Graph graph, const std::vector<std::string>& keep);

}  // namespace tapeloop
