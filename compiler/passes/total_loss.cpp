#include "compiler/passes/total_loss.h"

#include "core/builder.h"

namespace tapeloop {

Graph total_loss(Graph graph, const Registry& registry) {
  if (graph.loss == kNone) return graph;
  GraphBuilder build(graph, registry);
  build.set_context(Phase::kForward, "loss", graph[graph.loss].source);
  const Term each = build.term(graph.loss);
  Term total = each;
  if (each.space() != Space::parameters()) {
    const Space space = each.space();
    total = build.sum_to_space(each, Space::parameters()) / build.call("maximum", {build.count(space), build.constant(1)});
  }
  graph.total_loss = total.id;
  return graph;
}

}  // namespace tapeloop
