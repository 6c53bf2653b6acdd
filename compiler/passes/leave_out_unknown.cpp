#include "compiler/passes/leave_out_unknown.h"

#include <algorithm>

#include "compiler/passes/simplify.h"

namespace tapeloop {
namespace {

std::size_t at(std::int32_t id) { return static_cast<std::size_t>(id); }

// The decided axis that the space has, or that one of its own is derived from; kNone: there is none.
AxisId decided_axis(const Graph& graph, Space space) {
  for (const AxisId axis : space.axes()) {
    if (graph.axes[at(axis)].decided()) return axis;
    for (const AxisId from : graph.axes[at(axis)].derivation.from) {
      const AxisId found = decided_axis(graph, Space::batch().with(from));
      if (found != kNone) return found;
    }
  }
  return kNone;
}

// Nodes that depend on an input along a decided axis, and which input; kNone: on none.
std::vector<NodeId> unknown_inputs(const Graph& graph) {
  std::vector<std::vector<NodeId>> readers(graph.nodes.size());
  std::vector<NodeId> by(graph.nodes.size(), kNone), work;
  for (NodeId id = 0; id < graph.size(); ++id) {
    for (const NodeId operand : graph[id].operands) {
      if (operand != kNone) readers[at(operand)].push_back(id);
    }
    if (graph[id].kind->role != Role::kInput) continue;
    if (decided_axis(graph, graph[id].space) != kNone) by[at(id)] = id;
    if (by[at(id)] != kNone) work.push_back(id);
  }
  while (!work.empty()) {
    const NodeId id = work.back();
    work.pop_back();
    for (const NodeId reader : readers[at(id)]) {
      if (by[at(reader)] != kNone) continue;
      by[at(reader)] = by[at(id)];
      work.push_back(reader);
    }
  }
  return by;
}

}  // namespace

Graph leave_out_unknown(Graph graph, const std::vector<std::string>& keep, Diagnostics& diagnostics) {
  if (std::none_of(graph.axes.begin(), graph.axes.end(), [](const Axis& axis) { return axis.decided(); })) return graph;
  const std::vector<NodeId> by = unknown_inputs(graph);
  const auto unknown = [&](NodeId id) { return id != kNone && by[at(id)] != kNone; };
  const auto check = [&](NodeId id, const std::string& what) {
    if (!unknown(id)) return;
    const Node& input = graph[by[at(id)]];
    const Axis& decided = graph.axes[at(decided_axis(graph, input.space))];
    diagnostics.error("E0611", input.source,
                      "'" + graph[decided.until].name + "' decides in this mode how long " + decided.name + " is, so input '" + input.name +
                          "' has no positions along it; " + what + " needs it",
                      "read it through teacher(" + input.name + ", own), or in the loss alone");
  };
  for (const OutputRef& output : graph.outputs) check(output.node, "output '" + output.name + "'");
  for (const Axis& axis : graph.axes) {
    check(axis.length, "the length of " + axis.name);
    check(axis.until, "'until' of " + axis.name);
  }
  for (const std::string& name : keep) {
    const auto found = graph.names.find(name);
    if (found != graph.names.end()) check(found->second, "'" + name + "'");
  }
  if (diagnostics.has_errors()) return graph;
  std::erase_if(graph.losses, [&](const LossTerm& term) { return unknown(term.value) || unknown(term.weights); });
  return drop_dead(std::move(graph), keep);
}

}  // namespace tapeloop
