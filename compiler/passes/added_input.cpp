#include "compiler/passes/added_input.h"

#include <utility>

namespace tapeloop {

NodeId add_input(Graph& graph, const Registry& registry, std::string name, Space space, Shape shape, Type type, const Source& source) {
  Node input;
  input.kind = &registry.at("input");
  input.space = space;
  input.shape = std::move(shape);
  input.type = type;
  input.name = std::move(name);
  input.source = source;
  const NodeId id = graph.add(std::move(input));
  graph.names[graph[id].name] = id;
  return id;
}

NodeId shared_input(Graph& graph, const Registry& registry, const std::string& name, Space space, Type type) {
  const auto known = graph.names.find(name);
  return known != graph.names.end() ? known->second : add_input(graph, registry, name, space, {}, type, {});
}

}  // namespace tapeloop
