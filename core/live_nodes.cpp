#include "core/live_nodes.h"

namespace tapeloop {

std::vector<char> live_nodes(const Graph& graph, std::vector<NodeId> also) {
  std::vector<NodeId> work = std::move(also);
  for (const OutputRef& output : graph.outputs) work.push_back(output.node);
  for (const auto& [leaf, gradient] : graph.gradients) work.push_back(gradient);
  for (const Axis& axis : graph.axes) work.insert(work.end(), {axis.length, axis.until, axis.goes_on});
  for (const LossTerm& term : graph.losses) work.insert(work.end(), {term.value, term.weights});
  work.push_back(graph.total_loss);
  std::vector<char> marks(graph.nodes.size());
  while (!work.empty()) {
    const NodeId id = work.back();
    work.pop_back();
    if (id == kNone || marks[static_cast<std::size_t>(id)]) continue;
    marks[static_cast<std::size_t>(id)] = 1;
    for (const NodeId operand : graph[id].operands) work.push_back(operand);
  }
  return marks;
}

}  // namespace tapeloop
