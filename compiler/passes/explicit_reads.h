// Puts the start values (`states:`) into the moves that may read them, so that a read of the past is an ordinary operand.
#pragma once

#include "core/graph.h"
#include "core/kind.h"

namespace tapeloop {

// A move of v gets an Outside for every axis that it moves, and every axis of v that lies within a moved one, if v has a start
// there. A start value is read at the reader's own position; where the move goes along other axes as well and the start value has
// them, a move of the start value does that first, with starts of its own:
//
//   v[i-1, j-1], v starts along i with `row` on [j]   ->   move(v; i-1, j-1; outside i: move(row; j-1; outside j: row's start))
//
// Adds the nodes that this takes. REQUIRES: spaces. Ensures: graph.states is empty.
Graph explicit_reads(Graph graph, const Registry& registry);

}  // namespace tapeloop
