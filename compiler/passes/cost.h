// What one point of a node costs, as text: a number, or a product with the names of free sizes.
#pragma once

#include <string>

#include "core/graph.h"

namespace tapeloop {

struct CostText {
  std::string flops;  // "65536", "256*features"; a multiply-add is 2
  std::string bytes;  // read and written in float: what varies by point only, weights are read once
};
CostText cost_text(const Graph& graph, NodeId id);

}  // namespace tapeloop
