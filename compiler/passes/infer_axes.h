// Finds the space of every node: the least fixed point of "the axes of what it reads and of its taps, less the one it reduces".
#pragma once

#include "core/diagnostics.h"
#include "core/graph.h"

namespace tapeloop {

// A value also varies along the axes that its own lie within, along those of its start values and those it is said to have
// (Node::extra_axes). Values of parameters and constants alone are on no batch: Space::parameters().
// Reports taps, ends, reductions and starts along an axis that the value lacks, an axis reduced before one within it, and two
// operands that each have an axis the other lacks where nobody asked for it.
// REQUIRES: a graph as `expand` leaves it. Ensures: Node::space; nothing else changes.
Graph infer_axes(Graph graph, Diagnostics& diagnostics);

}  // namespace tapeloop
