// Folds constants, removes copies and neutral operations, merges equal nodes, drops what nobody needs.
#pragma once

#include <string>
#include <vector>

#include "core/graph.h"
#include "core/kind.h"

namespace tapeloop {

// Ensures: every value that remains has the same numbers as before; inputs, parameters, outputs, the loss, gradients, lengths of
// axes and the named values in `keep` remain. A forward node never comes to depend on a backward one.
Graph simplify(Graph graph, const std::vector<std::string>& keep, const Registry& registry);

// Only the last part: drops what none of these needs, and numbers the nodes anew in their order.
Graph drop_dead(Graph graph, const std::vector<std::string>& keep);

}  // namespace tapeloop
