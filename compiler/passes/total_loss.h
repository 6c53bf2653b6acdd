// The number that training minimises: the `loss:` values, each its mean over all its real positions of all examples, or its sum.
#pragma once

#include "core/graph.h"
#include "core/kind.h"

namespace tapeloop {

// Adds the nodes of graph.total_loss where graph.losses are set; a mean over no positions, or with weights of sum 0, is 0.
Graph total_loss(Graph graph, const Registry& registry);

}  // namespace tapeloop
