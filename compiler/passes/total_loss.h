// The number that training minimises: the mean of the `loss:` value over all its real positions of all examples.
#pragma once

#include "core/graph.h"
#include "core/kind.h"

namespace tapeloop {

// Adds the nodes of graph.total_loss where graph.loss is set; 0 for a batch without positions.
Graph total_loss(Graph graph, const Registry& registry);

}  // namespace tapeloop
