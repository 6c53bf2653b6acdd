// Containers that no order of steps can compute: each case has its own code, its cycle, and what to do.

#include <gmock/gmock.h>

#include "compiler/passes/partition.h"
#include "core/builder.h"
#include "models/facade/model.h"
#include "tests/compiler/compiled.h"

namespace tapeloop {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string model(const std::string& nodes, const std::string& head = "") {
  return "tapeloop: 1\n" + head + "inputs: {x: {}}\nnodes:\n" + nodes + "outputs: [h]\n";
}

TEST(Legality, AValueThatNeedsItselfAtTheSamePosition) {
  const std::string text = model("  r: tanh(x + h)\n  h: r * x\n");
  EXPECT_THAT(codes_of(text), ElementsAre("E0601"));
  EXPECT_THAT(message_of(text), AllOf(HasSubstr("model.yaml:4"), HasSubstr("r (line 4)"), HasSubstr("h (line 5)"), HasSubstr("h_tm1")));
}

TEST(Legality, PastAndFutureInOneCycle) {
  const std::string text = model("  h: tanh(x + 0.1 * h_tm1 + 0.1 * g)\n  g: tanh(h_tp1)\n");
  EXPECT_THAT(codes_of(text), ElementsAre("E0602"));
  EXPECT_THAT(message_of(text), AllOf(HasSubstr("past"), HasSubstr("future"), HasSubstr("h_tp1")));
}

TEST(Legality, ACycleThroughAReduction) {
  const std::string text = model("  m: mean(h, along=t)\n  h: tanh(x + 0.1 * h_tm1 + m)\n");
  EXPECT_THAT(codes_of(text), ElementsAre("E0603"));
  EXPECT_THAT(message_of(text), HasSubstr("all of 'h' along 't'"));
}

TEST(Legality, ALengthThatDependsOnItsOwnAxis) {
  const std::string text =
      model("  n: floor(sum(b, along=u))\n  b: tanh(x + b[u-1])\n  h: sum(b, along=u)\n", "axes: {t: {}, u: {within: t, length: n}}\n");
  EXPECT_THAT(codes_of(text), ElementsAre("E0604"));
  EXPECT_THAT(message_of(text), HasSubstr("length of axis 'u'"));
}

TEST(Legality, OnlyASkewedOrder) {
  const std::string text =
      "tapeloop: 1\naxes: {i: {}, j: {}}\ninputs: {x: {axes: [i, j]}}\nnodes:\n  h: tanh(x + 0.2 * h[i-1, j+1] + 0.2 * h[i, j-1] + 0.2 * "
      "h[i+1, j-2])\noutputs: [h]\n";
  EXPECT_THAT(codes_of(text), ElementsAre("E0606"));
  EXPECT_THAT(message_of(text), HasSubstr("skewed"));
}

TEST(Legality, AGridIsCarriedByItsFirstAxis) {
  const std::string text =
      "tapeloop: 1\naxes: {i: {}, j: {}}\ninputs: {x: {axes: [i, j]}}\nnodes:\n  h: tanh(x + 0.2 * h[i-1, j+1] + 0.2 * h[i, "
      "j-1])\noutputs: [h]\n";
  EXPECT_THAT(codes_of(text), IsEmpty());
  const Plan plan = compile_text(text).plan;
  EXPECT_EQ(nest_of(plan, plan.forward), "i>(j>)");
}

// A kind that cannot be done one position at a time, as a later version may have them.
TEST(Legality, AKindThatMixesPositionsInsideTheCycle) {
  Registry registry = built_in_kinds();
  NodeKind mixing = registry.at("tanh");
  mixing.name = "shuffle";
  mixing.moves_freely = false;
  registry.add(mixing);
  Graph graph;
  graph.axes.emplace_back().name = "t";
  GraphBuilder build(graph, registry);
  build.set_context(Phase::kForward, "h", {});
  Node input;
  input.kind = &registry.at("input");
  input.name = "x";
  input.space = Space::batch().with(0);
  const NodeId x = graph.add(input);
  const Term h = build.call("shuffle", {build.term(x)});
  const Term past = build.move(h, {{0, Move::From::kHere, -1}}, {}, {}, h.space());
  graph[h.id].operands[0] = past.id;
  graph[h.id].name = "h";
  graph[h.id].is_part = false;
  graph.outputs = {{"h", h.id}};
  Diagnostics diagnostics;
  partition(graph, {}, diagnostics);
  ASSERT_EQ(diagnostics.errors(), 1U);
  EXPECT_EQ(diagnostics.sorted()[0].code, "E0605");
  EXPECT_THAT(diagnostics.sorted()[0].message, HasSubstr("'shuffle' mixes positions"));
}

}  // namespace
}  // namespace tapeloop
