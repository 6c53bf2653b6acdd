// The equation of a node as plans and messages print it: "z * h_tm1 + h#3". Parts go by their names, taps and constants as written.
#pragma once

#include <string>

#include "core/graph.h"

namespace tapeloop {

// REQUIRES: kind, operands, axes, moves. A move's own text is its name: "h_tm1", "b[u-1]", "last(c, along=t)".
std::string node_text(const Graph& graph, const Node& node);

}  // namespace tapeloop
