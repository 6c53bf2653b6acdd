// Kinds that move values along axes or sum over them, and the transposes that only adjoints use: those are reached by
// differentiating twice.
#include <gtest/gtest.h>

#include <functional>

#include "compiler/passes/differentiate.h"
#include "core/builder.h"
#include "nodes/registry.h"
#include "tests/kinds/gradients.h"

namespace tapeloop {
namespace {

using From = Move::From;

// x and z on [t, u], c on [t], e on [] (all of shape [2]), w in P [2, 3]; ragged runs, some of them empty.
class AxisKinds : public testing::Test {
 protected:
  AxisKinds() {
    graph.axes.resize(2);
    graph.axes[0].name = "t";
    graph.axes[1].name = "u";
    graph.axes[1].within = 0;
    batch.rows = 3;
    batch.lengths = {{"t", {3, 0, 2}}, {"u", {2, 0, 3, 1, 4}}};
    build.set_context(Phase::kForward, "y", {});
    x = leaf("x", both, {2}, {3, 3, 4, 2});
    z = leaf("z", both, {2}, {3, 3, 4, 2});
    c = leaf("c", outer, {2}, {3, 3, 2});
    e = leaf("e", Space::batch(), {2}, {3, 2});
    slots = leaf("slots", Space::batch(), {2, 2}, {3, 2, 2});
    w = leaf("w", Space::parameters(), {2, 3}, {2, 3});
    p = leaf("p", Space::parameters(), {2}, {2});
  }

  Term leaf(const std::string& name, Space space, Shape shape, const std::vector<std::int64_t>& dims) {
    Node node;
    node.name = name;
    node.kind = &registry.at(space.on_batch() ? "input" : "parameter");
    node.space = space;
    node.shape = std::move(shape);
    (space.on_batch() ? batch.inputs : parameters)[name] = random_array(dims, name, -1, 1);
    return build.term(graph.add(std::move(node)));
  }

  // The gradient of tanh(y), and that gradient's own: every rule meets a cotangent that varies, and is itself differentiated.
  void check(Term y) {
    graph.outputs = {{"y", build.call("tanh", {y}).id}};
    const GradientReport once = check_gradients(graph, registry, batch, parameters);
    EXPECT_TRUE(once.bad.empty()) << once.text();
    Graph adjoints = differentiate(graph, {.inputs = true, .cotangents = true}, registry);
    batch.inputs["d(y)"] = random_array(dims_of(graph[graph.outputs[0].node]), "d(y)", -1, 1);
    adjoints.outputs.clear();
    for (const auto& [leaf, adjoint] : adjoints.gradients) adjoints.outputs.push_back({"g" + adjoints[leaf].name, adjoint});
    adjoints.seeds.clear();
    adjoints.gradients.clear();
    const GradientReport twice = check_gradients(adjoints, registry, batch, parameters);
    EXPECT_TRUE(twice.bad.empty()) << twice.text();
  }

  std::vector<std::int64_t> dims_of(const Node& node) const {
    std::vector<std::int64_t> dims;
    if (node.space.on_batch()) dims.push_back(3);
    if (node.space.has(t)) dims.push_back(3);
    if (node.space.has(u)) dims.push_back(4);
    for (const std::int64_t dim : numbers(node.shape)) dims.push_back(dim);
    return dims;
  }

  const AxisId t = 0, u = 1;
  const Space outer = Space::batch().with(t), both = outer.with(u);
  const Registry registry = make_registry();
  Graph graph;
  Batch<double> batch;
  Parameters parameters;
  GraphBuilder build{graph, registry};
  Term x, z, c, e, slots, w, p;
};

TEST_F(AxisKinds, TapIntoThePastWithZeros) { check(build.move(x, {{u, From::kHere, -2}}, {}, {}, both)); }
TEST_F(AxisKinds, TapIntoTheFutureWithAStart) { check(build.move(x, {{u, From::kHere, 1}}, {{u, 1, 0}}, {c}, both)); }
TEST_F(AxisKinds, TapAlongTheOuterAxisWithAStartForEachPosition) {
  check(build.move(x, {{t, From::kHere, -2}}, {{t, 1, 2}, {u, 2, 0}}, {slots, c}, both));
}
TEST_F(AxisKinds, TapOnBothAxesWithAParameterAsStart) {
  check(build.move(x, {{t, From::kHere, 1}, {u, From::kHere, -1}}, {{t, 1, 0}, {u, 2, 0}}, {p, c}, both));
}
TEST_F(AxisKinds, LastOfARunThatMayBeEmpty) { check(build.move(x, {{u, From::kEnd, -1}}, {{u, 1, 0}}, {c}, outer)); }
TEST_F(AxisKinds, FirstOfARun) { check(build.move(x, {{u, From::kStart, 0}}, {{u, 1, 0}}, {e}, outer)); }
TEST_F(AxisKinds, APositionReadByTwoAndFromTheEnd) {
  check(build.remap(x, {.from = u, .steps = {{.axis = u}}, .first = 1, .divide = 2, .after = {}, .backwards = true}, both));
}
TEST_F(AxisKinds, SumAlongAnAxis) { check(build.sum_to_space(x, outer)); }
TEST_F(AxisKinds, SumOverAllPointsOfTheBatch) { check(build.sum_to_space(x, Space::parameters())); }
TEST_F(AxisKinds, LargestAlongAnAxis) { check(build.extreme_along("max_along", x, u)); }
TEST_F(AxisKinds, SmallestAlongAnAxis) { check(build.extreme_along("min_along", x * z, u)); }
TEST_F(AxisKinds, AValueThatLacksAnAxisIsReadAtEachOfItsPositions) { check(x * c + e * z); }
TEST_F(AxisKinds, ProductWithAWeightAndItsGradientSummedOverThePoints) { check(build.call("matmul", {x, w})); }
TEST_F(AxisKinds, ProductsSummedWithAFrozenParameter) {
  graph.outputs = {{"y", build.product_sum(x, p, Space::parameters()).id}};
  const GradientReport report = check_input_gradients(graph, registry, batch, parameters);
  EXPECT_TRUE(report.bad.empty()) << report.text();
  EXPECT_GT(report.compared, 0);
}
TEST_F(AxisKinds, ProductsSummedAlongAnAxis) { check(build.product_sum(x, z, outer)); }

}  // namespace
}  // namespace tapeloop
