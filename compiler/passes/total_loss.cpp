#include "compiler/passes/total_loss.h"

#include "core/builder.h"

namespace tapeloop {
namespace {

// Of a value at all positions of the space: along the axes that it lacks it stays the same.
Term sum_over(Term value, Space space, GraphBuilder& build) {
  if (value.space() == Space::parameters()) return value * build.count(space);
  for (const AxisId axis : space.axes()) {
    if (!value.space().has(axis)) value = value + build.index(axis) * 0.0;
  }
  return build.sum_to_space(value, Space::parameters());
}

Term reduced(const LossTerm& term, GraphBuilder& build) {
  const Term each = build.term(term.value);
  const Space space = each.space();
  const Space all = Space::parameters();
  if (term.weights == kNone) {
    if (space == all) return each;
    const Term sum = build.sum_to_space(each, all);
    return term.sum ? sum : sum / build.call("maximum", {build.count(space), build.constant(1)});
  }
  const Term weights = build.term(term.weights);
  const Term sum = build.sum_to_space(each * weights, all);
  if (term.sum) return sum;
  const Term weight = sum_over(weights, space, build);
  const Term some = build.call("not_equal", {weight, build.constant(0)});  // else there is nothing to be divided
  return sum / build.call("where", {some, weight, build.constant(1)});
}

}  // namespace

Graph total_loss(Graph graph, const Registry& registry) {
  if (graph.losses.empty()) return graph;
  GraphBuilder build(graph, registry);
  Term total;
  for (const LossTerm& term : graph.losses) {
    build.set_context(Phase::kForward, "loss", graph[term.value].source);
    Term part = reduced(term, build);
    if (term.times != 1) part = part * term.times;
    total = total.id == kNone ? part : total + part;
  }
  graph.total_loss = total.id;
  return graph;
}

}  // namespace tapeloop
