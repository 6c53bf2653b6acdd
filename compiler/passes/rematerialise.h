// Recomputes in backward what is cheaper to compute than to keep: moves, and pointwise values without transcendental functions
// whose operands are on the tape anyway, if only pointwise work reads them. Products, sums and moves need all of a value at once.
#pragma once

#include "core/graph.h"
#include "core/kind.h"

namespace tapeloop {

// Ensures: backward reads no forward `move`; a cheap forward value is read by backward only if one of its operands is not, or if it is
// kept anyway.
Graph rematerialise(Graph graph);

}  // namespace tapeloop
