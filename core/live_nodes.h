// Which nodes the results of a graph depend on.
#pragma once

#include <vector>

#include "core/graph.h"

namespace tapeloop {

// By NodeId: 1 for what outputs, gradients, the loss and its terms, lengths and decisions of axes, or `also` are made from.
std::vector<char> live_nodes(const Graph& graph, std::vector<NodeId> also = {});

}  // namespace tapeloop
