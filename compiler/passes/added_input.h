// Inputs that passes add to a graph: what a chunk or a step is handed from the one before it.
#pragma once

#include <string>

#include "core/graph.h"
#include "core/kind.h"

namespace tapeloop {

// A new input of that name, which the graph's names know.
NodeId add_input(Graph& graph, const Registry& registry, std::string name, Space space, Shape shape, Type type, const Source& source);

// The scalar input of that name, made when it is first asked for.
NodeId shared_input(Graph& graph, const Registry& registry, const std::string& name, Space space, Type type);

}  // namespace tapeloop
