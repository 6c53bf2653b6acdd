// What a node reads along an axis beside its own position, and axes with other numbers.
#pragma once

#include <vector>

#include "core/graph.h"

namespace tapeloop {

// The node needs to know how long the run is: a reduction, an end, the length itself.
bool reads_whole_run(const Graph& graph, const Node& node, AxisId axis);
bool reads_future(const Node& node, AxisId axis);

// Whether the space has the axis, or one that is derived from it.
bool follows(const Graph& graph, Space space, AxisId axis);

// Axis a is now[a] from here on, in all that mentions axes but the list of axes itself, which must be put in that order.
void renumber_axes(Graph& graph, const std::vector<AxisId>& now);

}  // namespace tapeloop
