// Axes whose length a value decides: `until: done, max: N`. The run ends with the first position where `done` is true.
//
// For such an axis t the pass makes an axis "t~" of N trial positions, the same for all rows, and a copy along it of all that `done`
// is made from along t ("h~" of h):
//   alive = goes_on[t~-1], 1 at the first position      goes_on = where(done~, 0, alive)      t's length = sum of alive along t~
// where the copy reads a whole run (a cascade whose next step reads the end of this run), it reads the positions that are alive.
// From there on t is an axis whose length comes from a value, and its own equations are as they were: gradients go through these
// alone, none through the decision. A scan along t~ stops once no row goes on (Axis::goes_on).
#pragma once

#include "core/diagnostics.h"
#include "core/graph.h"
#include "core/kind.h"

namespace tapeloop {

// `taken`: values along the axis are those tried, not worked out once more; for graphs that are not differentiated, whose adjoints
// would go through the trial. Reports a decision that needs what comes after it, or its whole run (E0612).
// REQUIRES: leave_out_unknown. Ensures: no axis is decided; numbers of nodes stay, axes are numbered anew.
Graph until(Graph graph, bool taken, const Registry& registry, Diagnostics& diagnostics);

}  // namespace tapeloop
