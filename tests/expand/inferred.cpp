#include "tests/expand/inferred.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "compiler/frontend/container_reader.h"
#include "compiler/passes/explicit_reads.h"
#include "compiler/passes/infer_axes.h"
#include "compiler/passes/infer_shapes.h"
#include "nodes/registry.h"

namespace tapeloop::testing {

const Node& Inferred::node(const std::string& name) const {
  const auto named = graph.names.find(name);
  if (named != graph.names.end()) return graph[named->second];
  const auto at = std::find_if(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) { return node.name == name; });
  if (at == graph.nodes.end()) throw std::out_of_range("no node " + name);
  return *at;
}

std::string Inferred::space(const std::string& name) const {
  const Space space = node(name).space;
  return space == Space::parameters() ? "P" : graph.text(space);
}

std::string Inferred::shape(const std::string& name) const { return graph.sizes.text(node(name).shape); }

std::string Inferred::text(const std::string& name) const { return node(name).text; }

std::vector<std::string> Inferred::parameters() const {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) {
    if (node.kind->role == Role::kParameter) names.push_back(node.name);
  }
  return names;
}

std::vector<std::string> Inferred::codes() const {
  std::vector<std::string> codes;
  for (const Diagnostic& diagnostic : diagnostics.sorted()) codes.push_back(diagnostic.code);
  return codes;
}

Inferred infer(const std::string& yaml, const Setting& setting) {
  static const Registry kRegistry = make_registry();
  Inferred result;
  auto container = read_container("tapeloop: 1\n" + yaml, "model.yaml", "", result.diagnostics);
  if (!container) return result;
  std::map<std::string, std::shared_ptr<const Container>> loaded;
  ExpandOptions options;
  options.overrides = setting.overrides;
  options.mode = setting.mode;
  options.fed_shapes = setting.fed_shapes;
  options.fed_sizes = setting.fed_sizes;
  options.load = [&](const std::string& op, const Container&, Diagnostics& diagnostics) -> std::shared_ptr<const Container> {
    const auto cell = setting.cells.find(op);
    if (cell == setting.cells.end()) return nullptr;
    auto read = read_container("tapeloop: 1\n" + cell->second, op + ".yaml", "", diagnostics);
    if (!loaded[op] && read) loaded[op] = std::make_shared<const Container>(std::move(*read));
    return loaded[op];
  };
  result.graph = infer_axes(expand(*container, options, kRegistry, result.diagnostics), result.diagnostics);
  if (!result.diagnostics.has_errors()) result.graph = explicit_reads(std::move(result.graph), kRegistry);
  result.graph = infer_shapes(std::move(result.graph), result.diagnostics);
  return result;
}

}  // namespace tapeloop::testing
