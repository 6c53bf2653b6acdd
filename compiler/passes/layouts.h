// Chooses the order of each value's points: that of the scan that makes it, else of the scans whose values live on the same axes.
#pragma once

#include <vector>

#include "compiler/passes/partition.h"
#include "core/graph.h"
#include "core/plan.h"

namespace tapeloop {

struct Placement {
  std::vector<AxisId> nest;  // axes of the open scans where the node is done
  Layout layout;             // steps begin with the nest; of P: no axes
};

// One for each node. A bulk value on [t] beside a scan along t is stepped like the scan's, so that a step reads a contiguous block.
std::vector<Placement> assign_layouts(const Graph& graph, const Schedule& schedule);

}  // namespace tapeloop
