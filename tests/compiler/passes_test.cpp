// Single passes on small models.

#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "compiler/dump.h"
#include "compiler/passes/differentiate.h"
#include "compiler/passes/lower.h"
#include "compiler/passes/strong_components.h"
#include "compiler/plan_lines.h"
#include "core/kind.h"
#include "models/facade/model.h"
#include "tests/compiler/compiled.h"

namespace tapeloop {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kTwoScans = R"(tapeloop: 1
inputs: {x: {shape: [3]}}
nodes:
  a: tanh(x + 0.5 * a_tm1)
  b: tanh(a + 0.5 * b_tp1)
  y: a * b * 1 + 0
  same: tanh(x)
  again: tanh(x)
  z: same + again
outputs: [y, z]
)";

std::ptrdiff_t made(const Plan& plan, std::string_view kind) {
  std::ptrdiff_t count = 0;
  for (const Instruction& instruction : plan.instructions) {
    for (const PlanLine& line : lines_of(instruction)) count += line.equation->kind && line.equation->kind->name == kind ? 1 : 0;
  }
  return count;
}

TEST(Simplify, MergesEqualValuesAndDropsNeutralOperations) {
  CompileOptions options;
  options.gradients = false;
  const Plan plan = compile_text(kTwoScans, options).plan;
  EXPECT_EQ(made(plan, "tanh"), 3);
  EXPECT_EQ(made(plan, "multiply"), 3);  // the two recurrent factors, and a * b
  EXPECT_EQ(made(plan, "add"), 3);       // of the recurrences, and same + again
  options.without = {"simplify"};
  EXPECT_EQ(made(compile_text(kTwoScans, options).plan, "tanh"), 4);
}

TEST(Hoist, LeftOutKeepsBulkWorkInTheScan) {
  CompileOptions options;
  options.gradients = false;
  options.without = {"fuse_products"};
  const Plan hoisted = compile_file("models/cells/gru.yaml", options).plan;
  options.without = {"fuse_products", "hoist"};
  const Plan inside = compile_file("models/cells/gru.yaml", options).plan;
  EXPECT_THAT(places_of(hoisted, hoisted.forward, OpCode::kProduct).inside, SizeIs(3));
  EXPECT_THAT(places_of(inside, inside.forward, OpCode::kProduct).inside, SizeIs(6));
  EXPECT_THAT(places_of(inside, inside.forward, OpCode::kProduct).before, IsEmpty());
}

TEST(Simplify, ASignGoesIntoASumOrADifference) {
  CompileOptions without_gradients;
  without_gradients.gradients = false;
  const auto ops = [&](const std::string& equation) {
    const Plan plan =
        compile_text("tapeloop: 1\ninputs: {x: {shape: [4]}}\nnodes: {y: '" + equation + "'}\noutputs: [y]\n", without_gradients).plan;
    return std::vector<std::ptrdiff_t>{made(plan, "negate"), made(plan, "add"), made(plan, "subtract")};
  };
  EXPECT_THAT(ops("-exp(x) + x"), ElementsAre(0, 0, 1));
  EXPECT_THAT(ops("x + -exp(x)"), ElementsAre(0, 0, 1));
  EXPECT_THAT(ops("x - -exp(x)"), ElementsAre(0, 1, 0));
  EXPECT_THAT(ops("-exp(x) - x"), ElementsAre(1, 0, 1));
}

TEST(Without, AnUnknownNameIsRefused) {
  CompileOptions options;
  options.without = {"fuse_product"};
  try {
    compile_file("models/cells/gru.yaml", options);
    FAIL() << "it was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("did you mean 'fuse_products'?"));
  }
}

TEST(Sink, PutsCheapPointWorkIntoTheStepThatReadsIt) {
  const auto bulk_points = [](const std::vector<std::string>& without) {
    CompileOptions options;
    options.without = without;
    const Plan plan = compile_file("models/cells/gru.yaml", options).plan;
    return places_of(plan, plan.backward, OpCode::kPoint).before.size();
  };
  EXPECT_EQ(bulk_points({"fuse_points"}), 0U);
  EXPECT_EQ(bulk_points({"fuse_points", "sink"}), 1U);  // 1 - z
}

TEST(Share, LeftOutGivesEveryValueItsOwnBuffer) {
  CompileOptions options;
  options.without = {"fuse_points"};  // which leaves few values that could share
  const std::size_t shared = compile_file("models/cells/lstm.yaml", options).plan.buffers.size();
  options.without.emplace_back("share");
  EXPECT_LT(shared, compile_file("models/cells/lstm.yaml", options).plan.buffers.size());
}

TEST(Rematerialise, RecomputesWhatPointsReadAndKeepsWhatProductsNeedWhole) {
  const Plan plan = compile_file("models/cells/gru.yaml").plan;
  EXPECT_THAT(places_of(plan, plan.backward, OpCode::kPoint).before, IsEmpty());  // r * h_tm1, which n.linear.2's gradient reads, is kept
  const Places sums = places_of(plan, plan.backward, OpCode::kProductSum);
  EXPECT_THAT(sums.after, testing::Contains("sum((r * h_tm1)^T @ d(n#5))"));
}

TEST(Rematerialise, KeepsNoTapsOnTheTape) {
  const Plan plan = compile_file("models/cells/gru.yaml").plan;
  for (const Instruction& instruction : plan.instructions) EXPECT_NE(instruction.op, OpCode::kMove) << instruction.text;
}

TEST(Differentiate, OfAnAdjointAgainMakesAGraphThatHoldsTogether) {
  Compiled compiled = compile_file("models/cells/gru.yaml");
  Graph once = compiled.differentiated;
  for (const auto& [leaf, gradient] : once.gradients) once.outputs.push_back({"g" + once[leaf].name, gradient});
  once.gradients.clear();
  once.seeds.clear();
  const Graph twice = differentiate(once, {true, true}, built_in_kinds());
  EXPECT_EQ(verify(twice), "");
  EXPECT_THAT(twice.gradients, testing::Not(IsEmpty()));
}

// dv = (w as [a*b, c])^T @ (dy as [a*b, 4])
TEST(Differentiate, AProductOverSeveralFreeSizesHasASizeForAllOfThem) {
  const Plan plan = compile_text(R"(tapeloop: 1
inputs: {x: {axes: [], shape: [a, b, c]}, k: {axes: [], shape: [c, 4]}}
nodes:
  v: linear(k, units=4)
  y: x @ v
outputs: [y]
)")
                        .plan;
  EXPECT_THAT(plan.free_sizes, testing::Contains("a*b"));
  EXPECT_EQ(made(plan, "matmul_sum"), 1);
}

// What runs after each pass finds a graph that a pass has broken.
TEST(Verify, NamesWhatDoesNotHoldTogether) {
  const Graph graph = compile_text("tapeloop: 1\ninputs: {x: {}}\nnodes: {y: tanh(x) + x}\noutputs: [y]\n").differentiated;
  ASSERT_EQ(verify(graph), "");
  const NodeId y = graph.outputs[0].node;
  const auto broken = [&](const auto& breaks) {
    Graph wrong = graph;
    breaks(wrong);
    return verify(wrong);
  };
  EXPECT_EQ(broken([&](Graph& g) { g[y].kind = nullptr; }), "node 'y' has no kind");
  EXPECT_EQ(broken([&](Graph& g) { g[y].operands[1] = g.size(); }), "node 'y' reads node " + std::to_string(graph.size()));
  EXPECT_EQ(broken([&](Graph& g) { g[y].space = Space::parameters(); }), "'y' on [] reads 'y#1' on [t]");
  EXPECT_EQ(broken([&](Graph& g) { g[y].space = g[y].space.with(kMaxAxes - 1); }), "node 'y' is on an axis that is not there");
  EXPECT_EQ(broken([&](Graph& g) { g.outputs[0].node = kNone; }), "output 'y' is not there");
}

TEST(StrongComponents, ComeInTopologicalOrderWithSinglesFirst) {
  // 0 -> 1 <-> 2 -> 3,  4 alone
  const auto order = strong_components(5, {{0, 1}, {1, 2}, {2, 1}, {2, 3}}, std::vector<char>(5));
  EXPECT_THAT(order, ElementsAre(ElementsAre(0), ElementsAre(4), ElementsAre(1, 2), ElementsAre(3)));
}

TEST(PointLoop, OfEqualShapesIsFlat) {
  const PointLoop loop = point_loop({4, 3}, {{4, 3}, {4, 3}}, {false, false});
  EXPECT_TRUE(loop.flat);
  EXPECT_THAT(loop.dims, ElementsAre(12));
}

TEST(PointLoop, StretchesMissingAndSingleDimensions) {
  const PointLoop loop = point_loop({4, 3}, {{4, 1}, {3}}, {false, true});
  EXPECT_FALSE(loop.flat);
  EXPECT_THAT(loop.dims, ElementsAre(4, 3));
  EXPECT_THAT(loop.strides[0], ElementsAre(1, 0));
  EXPECT_THAT(loop.strides[1], ElementsAre(0, 1));
}

TEST(PointLoop, AnOperandInParametersWithManyNumbersIsNotFlat) { EXPECT_FALSE(point_loop({3}, {{3}, {3}}, {false, true}).flat); }

TEST(CompileTime, OfAChainOfAThousandNodesIsNoMatterOfSeconds) {
  std::string text =
      "tapeloop: 1\ninputs: {x: {}}\nnodes:\n  h0: x\n  for j in 1..1000:\n    h{j}: tanh(h{j-1} + 0.1 * h{j}_tm1)\noutputs: [h1000]\n";
  const Plan plan = compile_text(text).plan;
  EXPECT_GT(made(plan, "tanh"), 999);
}

}  // namespace
}  // namespace tapeloop
