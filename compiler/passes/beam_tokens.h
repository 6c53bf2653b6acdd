// What a beam search works on: the token that a model says, and all that depends on it and leads to the next one.
#pragma once

#include <optional>
#include <vector>

#include "core/diagnostics.h"
#include "core/graph.h"

namespace tapeloop {

struct SearchedNodes {
  NodeId token = kNone;
  std::vector<bool> inside;  // by NodeId: the token depends on it, through taps, and it on the token
  std::vector<bool> after;   // of those: it depends on the token of its own position
};

// none: reported (E0613). REQUIRES: the axis has a beam, and its end is decided.
std::optional<SearchedNodes> searched_nodes(const Graph& graph, AxisId axis, Diagnostics& diagnostics);

// Positions that the node, a tap, goes back along the axis; 0: none.
std::int32_t steps_back(const Node& node, AxisId axis);

}  // namespace tapeloop
