#include "runtime/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/reference/small_graphs.h"

namespace tapeloop {
namespace {

using testing::ElementsAre;
using From = Move::From;

Batch<double> one_axis(std::vector<std::int32_t> lengths, Array<double> x) {
  Batch<double> batch;
  batch.rows = static_cast<std::int64_t>(lengths.size());
  batch.lengths["t"] = std::move(lengths);
  batch.inputs["x"] = std::move(x);
  return batch;
}

// y = y_tm1 + x
struct RunningSum {
  SmallGraph g;
  AxisId t = g.axis("t");
  NodeId x = g.input("x", g.on({t}));
  NodeId y = g.declare(g.on({t}));
  NodeId tap = g.tap(y, t, -1);
  RunningSum() { g.define(y, "add", {tap, x}); }
};

TEST(Reference, SumsAlongRaggedRunsAndPadsWithZero) {
  RunningSum m;
  const auto batch = one_axis({3, 0, 2}, {{3, 4}, {1, 2, 3, 9, 9, 9, 9, 9, 4, 5, 9, 9}});
  EXPECT_THAT(dense(m.g.graph, batch, m.y), ElementsAre(1, 3, 6, 0, 0, 0, 4, 9, 0));
}

TEST(Reference, ABatchMayHaveNoRows) {
  RunningSum m;
  const Array<double> result = Reference<double>(m.g.graph, one_axis({}, {{0, 4}, {}}), {}).dense(m.y);
  EXPECT_THAT(result.dims, ElementsAre(0, 0));
}

TEST(Reference, LengthsThatNobodyGivesAreThoseOfTheArray) {
  RunningSum m;
  Batch<double> batch = one_axis({0, 0}, {{2, 2}, {1, 2, 3, 4}});
  batch.lengths.clear();
  EXPECT_THAT(dense(m.g.graph, batch, m.y), ElementsAre(1, 3, 3, 7));
}

TEST(Reference, AChainOfAHundredThousandStepsDoesNotOverflowTheStack) {
  RunningSum m;
  constexpr std::int32_t kSteps = 100000;
  Reference<double> reference(m.g.graph, one_axis({kSteps}, {{1, kSteps}, std::vector<double>(kSteps, 1)}), {});
  EXPECT_EQ(reference.value(m.y, kSteps - 1)[0], kSteps);
}

TEST(Reference, AValueThatNeedsItselfIsAnErrorThatNamesTheCycle) {
  SmallGraph g;
  const AxisId t = g.axis("t");
  const NodeId a = g.declare(g.on({t}));
  const NodeId b = g.call("tanh", {a}, g.on({t}));
  g.define(a, "tanh", {b});
  g.graph[a].name = "a";
  g.graph[b].name = "b";
  Batch<double> batch;
  batch.rows = 1;
  batch.lengths["t"] = {2};
  Reference<double> reference(g.graph, batch, {});
  for (int again = 0; again < 2; ++again) {  // also when asked once more
    try {
      reference.dense(a);
      FAIL() << "expected an error";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "a value needs itself: a <- b <- a");
    }
  }
}

TEST(Reference, StartsForSeveralPositionsComeInTheirOrder) {
  SmallGraph g;  // y = y_tm1 + y_tm2, start [0, 1]: Fibonacci
  const AxisId t = g.axis("t");
  const NodeId start = g.parameter("start", {2});
  const NodeId y = g.declare(g.on({t}));
  const auto tap = [&](int k) { return g.move({y, start}, {{t, From::kHere, -k}}, {{t, 1, 2}}, g.on({t})); };
  const NodeId m1 = tap(1), m2 = tap(2);
  g.define(y, "add", {m1, m2});
  Batch<double> batch;
  batch.rows = 1;
  batch.lengths["t"] = {6};
  EXPECT_THAT(dense(g.graph, batch, y, {{"start", {{2}, {0, 1}}}}), ElementsAre(1, 2, 3, 5, 8, 13));
}

TEST(Reference, StartsBehindTheEndComeInTheirOrder) {
  SmallGraph g;  // the future: x_tp2 of two values reads slots 0 and 1
  const AxisId t = g.axis("t");
  const NodeId x = g.input("x", g.on({t}));
  const NodeId start = g.parameter("start", {2});
  const NodeId y = g.move({x, start}, {{t, From::kHere, 2}}, {{t, 1, 2}}, g.on({t}));
  EXPECT_THAT(dense(g.graph, one_axis({3}, {{1, 3}, {1, 2, 3}}), y, {{"start", {{2}, {7, 8}}}}), ElementsAre(3, 7, 8));
}

TEST(Reference, EndsOfARunAndOfAnEmptyRun) {
  SmallGraph g;
  const AxisId t = g.axis("t");
  const NodeId x = g.input("x", g.on({t}));
  const NodeId start = g.constant(-5);
  const auto edge = [&](From from, int offset) { return g.move({x, start}, {{t, from, offset}}, {{t, 1, 0}}, g.on({})); };
  const NodeId last = edge(From::kEnd, -1), first = edge(From::kStart, 0), last_but_one = edge(From::kEnd, -2);
  const auto batch = one_axis({3, 0, 1}, {{3, 3}, {1, 2, 3, 9, 9, 9, 4, 9, 9}});
  EXPECT_THAT(dense(g.graph, batch, last), ElementsAre(3, -5, 4));
  EXPECT_THAT(dense(g.graph, batch, first), ElementsAre(1, -5, 4));
  EXPECT_THAT(dense(g.graph, batch, last_but_one), ElementsAre(2, -5, -5));
}

TEST(Reference, OutsideSeveralAxesTheOutermostDecides) {
  SmallGraph g;  // x[i-1, j-1] on a grid of 2 x 2: starts 10 along i, 20 along j
  const AxisId i = g.axis("i"), j = g.axis("j");
  const NodeId x = g.input("x", g.on({i, j}));
  const NodeId row = g.constant(10), column = g.constant(20);
  const NodeId y = g.move({x, row, column}, {{i, From::kHere, -1}, {j, From::kHere, -1}}, {{i, 1, 0}, {j, 2, 0}}, g.on({i, j}));
  Batch<double> batch;
  batch.rows = 1;
  batch.lengths = {{"i", {2}}, {"j", {2}}};
  batch.inputs["x"] = {{1, 2, 2}, {1, 2, 3, 4}};
  EXPECT_THAT(dense(g.graph, batch, y), ElementsAre(10, 10, 20, 1));
}

TEST(Reference, AMoveAlongTheOuterAxisMayFallOffAShorterInnerRun) {
  SmallGraph g;  // x[t-1, u] where the run at t-1 is shorter than at t: u's start
  const AxisId t = g.axis("t"), u = g.axis("u", t);
  const NodeId x = g.input("x", g.on({t, u}));
  const NodeId start = g.constant(7);
  const NodeId y = g.move({x, start}, {{t, From::kHere, -1}}, {{u, 1, 0}}, g.on({t, u}));
  Batch<double> batch;
  batch.rows = 1;
  batch.lengths = {{"t", {3}}, {"u", {1, 2, 1}}};
  batch.inputs["x"] = {{1, 3, 2}, {1, 9, 2, 3, 4, 9}};
  EXPECT_THAT(dense(g.graph, batch, y), ElementsAre(0, 0, 1, 7, 2, 0));
}

TEST(Reference, ACarriedCascadeEqualsTheLoopThatOneWouldWrite) {
  SmallGraph g;  // b = tanh(a + b[u-1]); each run along u starts where the last one ended; runs may be empty
  const AxisId t = g.axis("t");
  const NodeId steps = g.input("steps", g.on({t}));
  const AxisId u = g.axis("u", t, steps);
  const NodeId a = g.input("a", g.on({t}));
  const NodeId b = g.declare(g.on({t, u}));
  const NodeId b_end = g.declare(g.on({t}));
  const NodeId b_end_tm1 = g.tap(b_end, t, -1);
  const NodeId before = g.move({b, b_end_tm1}, {{u, From::kHere, -1}}, {{u, 1, 0}}, g.on({t, u}));
  const NodeId sum = g.call("add", {a, before}, g.on({t, u}));
  g.define(b, "tanh", {sum});
  g.define(b_end, "move", {b, b_end_tm1});
  g.graph[b_end].moves = {{u, From::kEnd, -1}};
  g.graph[b_end].outsides = {{u, 1, 0}};
  const std::vector<double> as = {0.5, -0.3, 0.8, 0.1}, runs = {2, 0, 3, 1};
  Batch<double> batch;
  batch.rows = 1;
  batch.lengths = {{"t", {4}}};
  batch.inputs = {{"a", {{1, 4}, as}}, {"steps", {{1, 4}, runs}}};

  std::vector<double> expected(4 * 3);
  double carried = 0;
  for (std::size_t p = 0; p < 4; ++p) {
    for (std::size_t q = 0; q < static_cast<std::size_t>(runs[p]); ++q) expected[p * 3 + q] = carried = std::tanh(as[p] + carried);
  }
  EXPECT_EQ(dense(g.graph, batch, b), expected);
}

TEST(Reference, ReducesAlongAnAxisAndOverTheBatch) {
  SmallGraph g;
  const AxisId t = g.axis("t");
  const NodeId x = g.input("x", g.on({t}));
  const NodeId along = g.call("sum_to", {x}, g.on({}));
  const NodeId all = g.call("sum_to", {x}, Space::parameters());
  const NodeId count = g.call("count", {}, Space::parameters());
  g.graph[count].counted = g.on({t});
  const NodeId most = g.call("max_along", {x}, g.on({}));
  const NodeId where = g.call("argmin_along", {x}, g.on({}));
  g.graph[most].axis = g.graph[where].axis = t;
  const auto batch = one_axis({3, 0, 2}, {{3, 3}, {-1, -2, -2, 9, 9, 9, 4, 5, 9}});
  Reference<double> reference(g.graph, batch, {});
  EXPECT_THAT(reference.dense(along).data, ElementsAre(-5, 0, 9));
  EXPECT_THAT(reference.parameter_space(all).data, ElementsAre(4));
  EXPECT_THAT(reference.parameter_space(count).data, ElementsAre(5));
  EXPECT_THAT(reference.dense(most).data, ElementsAre(-1, 0, 5));
  EXPECT_THAT(reference.dense(where).data, ElementsAre(1, 0, 0));  // of equals the first
}

TEST(Reference, KnowsPositionsAndLengths) {
  SmallGraph g;
  const AxisId t = g.axis("t");
  const NodeId forwards = g.call("index", {}, g.on({t})), backwards = g.call("index", {}, g.on({t}));
  const NodeId length = g.call("length", {}, g.on({}));
  g.graph[forwards].axis = g.graph[backwards].axis = g.graph[length].axis = t;
  g.graph[backwards].attributes = {{"reversed", 1.0}};
  Batch<double> batch;
  batch.rows = 2;
  batch.lengths["t"] = {3, 1};
  EXPECT_THAT(dense(g.graph, batch, forwards), ElementsAre(0, 1, 2, 0, 0, 0));
  EXPECT_THAT(dense(g.graph, batch, backwards), ElementsAre(2, 1, 0, 0, 0, 0));
  EXPECT_THAT(dense(g.graph, batch, length), ElementsAre(3, 1));
}

TEST(Reference, MultipliesMatricesAndSumsProducts) {
  SmallGraph g;
  const AxisId t = g.axis("t");
  const NodeId x = g.input("x", g.on({t}), {2});
  const NodeId w = g.parameter("w", {2, 2});
  const NodeId y = g.call("matmul", {x, w}, g.on({t}), {2});
  const NodeId dw = g.call("matmul_sum", {x, y}, Space::parameters(), {2, 2});
  const auto batch = one_axis({2}, {{1, 2, 2}, {1, 2, 3, 4}});
  const Parameters parameters = {{"w", {{2, 2}, {1, 10, 100, 1000}}}};
  Reference<double> reference(g.graph, batch, parameters);
  EXPECT_THAT(reference.dense(y).data, ElementsAre(201, 2010, 403, 4030));
  EXPECT_THAT(reference.parameter_space(dw).data, ElementsAre(201 + 3 * 403, 2010 + 3 * 4030, 402 + 4 * 403, 4020 + 4 * 4030));
}

TEST(Reference, TheComplexStepGivesTheDerivativeThroughTime) {
  SmallGraph g;  // y = tanh(w y_tm1 + x): dy/dw by hand, forwards
  const AxisId t = g.axis("t");
  const NodeId x = g.input("x", g.on({t}));
  const NodeId w = g.parameter("w");
  const NodeId y = g.declare(g.on({t}));
  const NodeId wy = g.call("multiply", {w, g.tap(y, t, -1)}, g.on({t}));
  g.define(y, "tanh", {g.call("add", {wy, x}, g.on({t}))});
  const std::vector<double> xs = {0.3, -0.7, 0.2, 0.9};
  const double weight = 0.6;
  double value = 0, slope = 0;
  for (const double at : xs) {
    const double next = std::tanh(weight * value + at);
    slope = (1 - next * next) * (value + weight * slope);
    value = next;
  }
  Reference<std::complex<double>> reference(g.graph, one_axis({4}, {{1, 4}, xs}), {{"w", {{}, {weight}}}});
  EXPECT_EQ(reference.value(y, 3)[0].imag(), 0);
  reference.perturb(w, 0, {0, 1e-30});
  EXPECT_NEAR(reference.value(y, 3)[0].real(), value, 1e-15);
  EXPECT_NEAR(reference.value(y, 3)[0].imag() * 1e30, slope, 1e-15);
}

TEST(Reference, DrawsByExampleAndNotByRow) {
  SmallGraph g;
  const AxisId t = g.axis("t");
  const NodeId draw = g.call("draw", {}, g.on({t}), {2});
  Batch<double> batch;
  batch.rows = 2;
  batch.lengths["t"] = {2, 2};
  const std::vector<double> there = dense(g.graph, batch, draw);
  batch.example_ids = {1, 0};
  const std::vector<double> back = dense(g.graph, batch, draw);
  for (std::size_t k = 0; k < 4; ++k) {
    EXPECT_EQ(there[k], back[k + 4]);
    EXPECT_EQ(there[k + 4], back[k]);
    EXPECT_NE(there[k], there[k + 4]);
  }
}

TEST(Reference, SaysWhichInputIsMissingOrDoesNotFit) {
  RunningSum m;
  Batch<double> batch = one_axis({3}, {{1, 2}, {1, 2}});
  EXPECT_THROW(dense(m.g.graph, batch, m.y), std::runtime_error);
  batch.inputs.clear();
  EXPECT_THROW(dense(m.g.graph, batch, m.y), std::runtime_error);
}

// <dy, move(v, o)> = <unmove(dy), v> + <move_outside(dy), o>: the three kinds are one map and its transposes.
class Transposes : public testing::Test {
 protected:
  static double value(std::size_t k) { return std::sin(1.7 * static_cast<double>(k) + 0.4); }
  static Array<double> numbered(std::vector<std::int64_t> dims, std::size_t seed) {
    std::int64_t count = 1;
    for (const std::int64_t dim : dims) count *= dim;
    Array<double> array{std::move(dims), {}};
    for (std::int64_t k = 0; k < count; ++k) array.data.push_back(value(seed + static_cast<std::size_t>(k)));
    return array;
  }

  double dot(NodeId a, NodeId b) {
    Reference<double> reference(g.graph, batch, {});
    double sum = 0;
    for (std::int32_t p = 0; p < reference.points().count(g.graph[a].space); ++p) {
      const std::span<const double> left = reference.value(a, p);
      const std::vector<double> kept(left.begin(), left.end());
      const std::span<const double> right = reference.value(b, p);
      for (std::size_t k = 0; k < kept.size(); ++k) sum += kept[k] * right[k];
    }
    return sum;
  }

  // v on [t, u] with a start along t on [] (slots of them, if any) and one along u on [t].
  void check(const std::vector<Move>& moves, Space result, std::int32_t slots) {
    const Shape shape = {2};
    const Shape start_shape = slots > 0 ? Shape{slots, 2} : shape;
    const NodeId v = g.input("v", g.on({t, u}), shape);
    const NodeId along_t = g.input("along_t", g.on({}), start_shape);
    const NodeId along_u = g.input("along_u", g.on({t}), shape);
    const NodeId dy = g.input("dy", result, shape);
    const bool has_t = result.has(t);
    std::vector<Outside> outsides = {{t, 1, slots}};
    if (has_t) outsides.push_back({u, 2, 0});
    const NodeId y = g.move({v, along_t, along_u}, moves, outsides, result, shape);
    const NodeId dv = g.call("unmove", {dy}, g.on({t, u}), shape);
    const NodeId d_along_t = g.call("move_outside", {dy}, g.on({}), start_shape);
    const NodeId d_along_u = g.call("move_outside", {dy}, g.on({t}), shape);
    for (const NodeId id : {dv, d_along_t, d_along_u}) g.graph[id].moves = moves;
    g.graph[d_along_t].outsides = {{t, 0, slots}};
    g.graph[d_along_u].outsides = {{u, 0, 0}};
    batch.rows = 3;
    batch.lengths = {{"t", {3, 0, 2}}, {"u", {2, 0, 3, 1, 4}}};
    batch.inputs["v"] = numbered({3, 3, 4, 2}, 0);
    batch.inputs["along_t"] = slots > 0 ? numbered({3, slots, 2}, 100) : numbered({3, 2}, 100);
    batch.inputs["along_u"] = numbered({3, 3, 2}, 200);
    std::vector<std::int64_t> dims = {3};
    if (has_t) dims.push_back(3);
    if (result.has(u)) dims.push_back(4);
    dims.push_back(2);
    batch.inputs["dy"] = numbered(dims, 300);
    const double forward = dot(dy, y);
    const double backward = dot(dv, v) + dot(d_along_t, along_t) + (has_t ? dot(d_along_u, along_u) : 0);
    EXPECT_GT(std::abs(forward), 1e-3);
    EXPECT_NEAR(forward, backward, 1e-13);
  }

  SmallGraph g;
  AxisId t = g.axis("t");
  AxisId u = g.axis("u", t);
  Batch<double> batch;
};

TEST_F(Transposes, OfATapIntoThePast) { check({{u, From::kHere, -1}}, g.on({t, u}), 0); }
TEST_F(Transposes, OfATapIntoTheFuture) { check({{u, From::kHere, 2}}, g.on({t, u}), 0); }
TEST_F(Transposes, OfATapAlongTheOuterAxis) { check({{t, From::kHere, -1}}, g.on({t, u}), 2); }
TEST_F(Transposes, OfATapOnBothAxes) { check({{t, From::kHere, 1}, {u, From::kHere, -2}}, g.on({t, u}), 1); }
TEST_F(Transposes, OfTheEndOfARun) { check({{u, From::kEnd, -1}}, g.on({t}), 0); }
TEST_F(Transposes, OfASecondPositionOneStepBefore) { check({{t, From::kHere, -1}, {u, From::kStart, 1}}, g.on({t}), 0); }
TEST_F(Transposes, OfTheLastOfTheLast) { check({{t, From::kEnd, -1}, {u, From::kEnd, -1}}, g.on({}), 0); }

}  // namespace
}  // namespace tapeloop
