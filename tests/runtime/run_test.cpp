#include "runtime/run.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "core/diagnostics.h"
#include "runtime/shard.h"
#include "tests/allocations.h"
#include "tests/runtime/made_plan.h"
#include "tests/runtime/random_arrays.h"

namespace tapeloop::test {
namespace {

using ::testing::ElementsAre;

constexpr AxisId kT = MadePlan::kT;

template <class T>
class RunTest : public ::testing::Test {
 protected:
  static constexpr double kTolerance = sizeof(T) == 4 ? 2e-5 : 1e-12;
  std::mt19937 random_{7};
};
using Numbers = ::testing::Types<float, double>;
TYPED_TEST_SUITE(RunTest, Numbers);

// h = a * h_tm2 + x, started by two rows of a parameter.
MadePlan lagged() {
  MadePlan made;
  const LayoutId steps = made.layout({kT});
  const NodeId x = made.input("x", steps, {3});
  const NodeId a = made.parameter("a", {3});
  const NodeId h0 = made.parameter("h0", {2, 3});
  const NodeId g = made.value("g", steps, {3});
  const NodeId h = made.value("h", steps, {3});
  made.plan.buffers[static_cast<std::size_t>(made.plan.value(g).buffer)].block_depth = 1;
  made.plan.nodes[static_cast<std::size_t>(g)].readable = false;
  made.point("multiply", g, {made.read(a), made.read(h, made.tap(steps, kT, -2, 1, {kNone}, 2), {h0})}, 1);
  made.point("add", h, {made.read(g), made.read(x)}, 1);
  made.plan.forward = {MadePlan::scan({kT}, {MadePlan::bulk({0, 1})})};
  made.plan.outputs = {{"h", h}};
  return made;
}

template <class T>
Batch<T> lagged_batch(const std::vector<std::int32_t>& lengths, std::mt19937& random) {
  Batch<T> batch;
  batch.rows = static_cast<std::int64_t>(lengths.size());
  batch.inputs["x"] = random_array<T>({batch.rows, 6, 3}, random);
  batch.lengths["t"] = lengths;
  return batch;
}

template <class T>
double lagged_value(const Batch<T>& batch, const std::map<std::string, Array<T>>& parameters, std::int64_t row, std::int64_t t,
                    std::int64_t k) {
  if (t < 0) return at(parameters.at("h0"), {t + 2, k});
  return at(parameters.at("a"), {k}) * lagged_value(batch, parameters, row, t - 2, k) + at(batch.inputs.at("x"), {row, t, k});
}

TYPED_TEST(RunTest, ARaggedRecurrenceEqualsItsDefinition) {
  using T = TypeParam;
  const MadePlan made = lagged();
  Run<T> run(made.done(), {.poison = true});
  const std::map<std::string, Array<T>> parameters = {{"a", random_array<T>({3}, this->random_)},
                                                      {"h0", random_array<T>({2, 3}, this->random_)}};
  run.set_parameters(parameters);
  for (const std::vector<std::int32_t>& lengths : std::vector<std::vector<std::int32_t>>{{1, 3, 6, 0, 3}, {}, {0}, {4, 4}, {6}}) {
    const Batch<T> batch = lagged_batch<T>(lengths, this->random_);
    run.forward(batch);
    const Array<T> h = run.value(made.plan.outputs[0].node);
    const std::int64_t longest = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
    EXPECT_THAT(h.dims, ElementsAre(batch.rows, longest, 3));
    for (std::int64_t row = 0; row < batch.rows; ++row) {
      for (std::int64_t t = 0; t < longest; ++t) {
        const bool real = t < lengths[static_cast<std::size_t>(row)];
        EXPECT_NEAR(at(h, {row, t, 1}), real ? lagged_value(batch, parameters, row, t, 1) : 0, this->kTolerance);
      }
    }
  }
}

TYPED_TEST(RunTest, ATableWithTwoRowsSwappedIsNoticed) {
  using T = TypeParam;
  const MadePlan made = lagged();
  Run<T> right(made.done());
  Run<T> wrong(made.done(), {.swapped = 0});
  const Batch<T> batch = lagged_batch<T>({1, 3, 6, 0, 3}, this->random_);
  const std::map<std::string, Array<T>> parameters = {{"a", random_array<T>({3}, this->random_)},
                                                      {"h0", random_array<T>({2, 3}, this->random_)}};
  for (Run<T>* run : {&right, &wrong}) {
    run->set_parameters(parameters);
    run->forward(batch);
  }
  EXPECT_NE(right.value(made.plan.outputs[0].node).data, wrong.value(made.plan.outputs[0].node).data);
}

// h = h_tm1 @ w + x, h before the axis is h0 (one for each row); and its adjoints for a cotangent of h.
MadePlan matrix_recurrence() {
  MadePlan made;
  const LayoutId steps = made.layout({kT});
  const LayoutId rows = made.layout({});
  const NodeId x = made.input("x", steps, {4});
  const NodeId h0 = made.input("h0", rows, {4});
  const NodeId w = made.parameter("w", {4, 4});
  const NodeId wt = made.parameter("wt", {4, 4});
  const NodeId p = made.value("p", steps, {4});
  const NodeId h = made.value("h", steps, {4});
  const TableId past = made.tap(steps, kT, -1, 1, {rows});
  made.add(OpCode::kProduct, p, {made.read(h, past, {h0}), made.read(w)}, 1).product = {1, 4, 4};
  made.point("add", h, {made.read(p), made.read(x)}, 1);
  made.plan.forward = {MadePlan::scan({kT}, {MadePlan::bulk({0, 1})})};
  made.plan.outputs = {{"h", h}};

  const NodeId seed = made.input("d(h)", steps, {4});
  made.plan.inputs.pop_back();
  made.plan.seeds = {seed};
  const NodeId dh = made.value("dh", steps, {4});
  const NodeId q = made.value("q", steps, {4});
  const NodeId dp = made.value("dp", steps, {4});
  const NodeId dw = made.value("dw", kNone, {4, 4});
  const NodeId dh0 = made.value("dh0", rows, {4});
  made.add(OpCode::kProduct, q, {made.read(dh, made.tap(steps, kT, 1, 1)), made.read(wt)}, 1).product = {1, 4, 4};
  made.point("add", dh, {made.read(seed), made.read(q)}, 1);
  const TableId past_in_bulk = made.tap(steps, kT, -1, 0, {rows});
  Instruction& sum = made.add(OpCode::kProductSum, dw, {made.read(h, past_in_bulk, {h0}), made.read(dh)});
  sum.kind = &made_kinds().at("matmul_sum");
  sum.product = {1, 4, 4};
  sum.layout = steps;
  made.add(OpCode::kProduct, dp, {made.read(dh), made.read(wt)}).product = {1, 4, 4};
  GroupSpec starts;
  starts.kind = GroupSpec::Kind::kMoveOutside;
  starts.result = rows;
  starts.source = steps;
  starts.moves = {{kT, Move::From::kHere, -1}};
  starts.outside = kT;
  starts.may_leave = {kT};
  made.plan.groups = {starts};
  made.add(OpCode::kMoveOutside, dh0, {made.read(dp)}).group = 0;
  made.plan.backward = {MadePlan::scan({kT}, {MadePlan::bulk({2, 3})}, true), MadePlan::bulk({5, 6}), MadePlan::whole({4})};
  made.plan.gradients = {{w, dw}, {h0, dh0}};
  return made;
}

template <class T>
struct MatrixFeed {
  MatrixFeed(const std::vector<std::int32_t>& lengths, std::mt19937& random) {
    batch.rows = static_cast<std::int64_t>(lengths.size());
    batch.inputs["x"] = random_array<T>({batch.rows, 7, 4}, random);
    batch.inputs["h0"] = random_array<T>({batch.rows, 4}, random);
    batch.lengths["t"] = lengths;
    cotangents["h"] = random_array<T>({batch.rows, 7, 4}, random);
    parameters["w"] = random_array<T>({4, 4}, random);
    parameters["wt"] = parameters["w"];
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t j = 0; j < 4; ++j) parameters["wt"].data[j * 4 + i] = parameters["w"].data[i * 4 + j];
    }
  }
  Batch<T> batch;
  Cotangents<T> cotangents;
  std::map<std::string, Array<T>> parameters;
};

// By loops: h, dw, dh0.
struct MatrixResult {
  explicit MatrixResult(std::size_t rows) : h(rows), dw(16), dh0(rows * 4) {}
  std::vector<std::vector<std::vector<double>>> h;  // [row][t + 1][4]
  std::vector<double> dw, dh0;
};

template <class T>
MatrixResult by_loops(const MatrixFeed<T>& feed) {
  const auto rows = static_cast<std::size_t>(feed.batch.rows);
  const auto w = [&](std::size_t i, std::size_t j) { return static_cast<double>(feed.parameters.at("w").data[i * 4 + j]); };
  MatrixResult result(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    const auto length = static_cast<std::size_t>(feed.batch.lengths.at("t")[row]);
    auto& h = result.h[row];
    h.assign(length + 1, std::vector<double>(4, 0));
    for (std::size_t k = 0; k < 4; ++k) h[0][k] = feed.batch.inputs.at("h0").data[row * 4 + k];
    for (std::size_t t = 0; t < length; ++t) {
      for (std::size_t j = 0; j < 4; ++j) {
        h[t + 1][j] = feed.batch.inputs.at("x").data[(row * 7 + t) * 4 + j];
        for (std::size_t i = 0; i < 4; ++i) h[t + 1][j] += h[t][i] * w(i, j);
      }
    }
    std::vector<double> d(4, 0);
    for (std::size_t t = length; t-- > 0;) {
      for (std::size_t j = 0; j < 4; ++j) d[j] += feed.cotangents.at("h").data[(row * 7 + t) * 4 + j];
      std::vector<double> before(4, 0);
      for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t j = 0; j < 4; ++j) {
          result.dw[i * 4 + j] += h[t][i] * d[j];
          before[i] += w(i, j) * d[j];
        }
      }
      d = before;
    }
    for (std::size_t k = 0; k < 4; ++k) result.dh0[row * 4 + k] = length > 0 ? d[k] : 0;
  }
  return result;
}

TYPED_TEST(RunTest, GradientsOfAMatrixRecurrenceEqualThoseByLoops) {
  using T = TypeParam;
  const MadePlan made = matrix_recurrence();
  Run<T> run(made.done(), {.poison = true});
  for (const std::vector<std::int32_t>& lengths : std::vector<std::vector<std::int32_t>>{{2, 7, 0, 1, 7, 3}, {}, {5}, {0, 0}, {4, 4, 4}}) {
    MatrixFeed<T> feed(lengths, this->random_);
    run.set_parameters(feed.parameters);
    run.forward(feed.batch);
    run.backward(feed.cotangents);
    const MatrixResult expected = by_loops(feed);
    for (std::size_t k = 0; k < 16; ++k) EXPECT_NEAR(run.gradient(0)[k], expected.dw[k], 20 * this->kTolerance);
    const Array<T> dh0 = run.gradient_value(1);
    for (std::size_t k = 0; k < expected.dh0.size(); ++k) EXPECT_NEAR(dh0.data[k], expected.dh0[k], 20 * this->kTolerance);
  }
}

TYPED_TEST(RunTest, AnyNumberOfThreadsGivesTheSameBits) {
  using T = TypeParam;
  const MadePlan made = matrix_recurrence();
  MatrixFeed<T> feed({2, 7, 0, 1, 7, 3, 5}, this->random_);
  const auto dw = [&](int threads) {
    Run<T> run(made.done(), {.threads = threads, .least_shared = 0, .shard_rows = 2});
    run.set_parameters(feed.parameters);
    run.forward(feed.batch);
    run.backward(feed.cotangents);
    EXPECT_EQ(run.shards(), 4U);
    return std::vector<T>(run.gradient(0).begin(), run.gradient(0).end());
  };
  const std::vector<T> alone = dw(1);
  EXPECT_EQ(dw(2), alone);
  EXPECT_EQ(dw(3), alone);
  const MatrixResult expected = by_loops(feed);
  for (std::size_t k = 0; k < 16; ++k) EXPECT_NEAR(alone[k], expected.dw[k], 20 * this->kTolerance);
}

TYPED_TEST(RunTest, NothingIsAllocatedOnceTheLargestBatchHasBeenSeen) {
  using T = TypeParam;
  const MadePlan made = matrix_recurrence();
  Run<T> run(made.done(), {.threads = 2, .least_shared = 0, .shard_rows = 4});  // three shards
  std::uniform_int_distribution<std::int32_t> any(0, 7);
  std::vector<MatrixFeed<T>> feeds;
  feeds.emplace_back(std::vector<std::int32_t>(9, 7), this->random_);
  for (int k = 0; k < 20; ++k) {
    std::vector<std::int32_t> lengths;
    for (int row = 0; row < 9; ++row) lengths.push_back(any(this->random_));
    feeds.emplace_back(lengths, this->random_);
  }
  run.set_parameters(feeds[0].parameters);
  for (int k = 0; k < 2; ++k) {
    run.forward(feeds[0].batch);
    run.backward(feeds[0].cotangents);
  }
  const AllocationCount allocations;
  for (const MatrixFeed<T>& feed : feeds) {
    run.forward(feed.batch);
    run.backward(feed.cotangents);
  }
  EXPECT_EQ(allocations.all(), 0);
}

TYPED_TEST(RunTest, ShapesStretchInsideAPoint) {
  using T = TypeParam;
  MadePlan made;
  const LayoutId rows = made.layout({});
  const NodeId x = made.input("x", rows, {2, 1, 3});
  const NodeId y = made.input("y", rows, {4, 1});
  const NodeId z = made.value("z", rows, {2, 4, 3});
  Instruction& instruction = made.point("add", z, {made.read(x), made.read(y)});
  instruction.loop.dims = {2, 4, 3};
  instruction.loop.strides = {{3, 0, 1}, {0, 1, 0}};
  made.plan.forward = {MadePlan::bulk({0})};
  Run<T> run(made.done());
  Batch<T> batch;
  batch.rows = 2;
  batch.inputs["x"] = random_array<T>({2, 2, 1, 3}, this->random_);
  batch.inputs["y"] = random_array<T>({2, 4, 1}, this->random_);
  run.forward(batch);
  const Array<T> sum = run.value(z);
  for (std::int64_t row = 0; row < 2; ++row) {
    for (std::int64_t k = 0; k < 24; ++k) {
      EXPECT_EQ(sum.data[static_cast<std::size_t>(row * 24 + k)],
                at(batch.inputs["x"], {row, k / 12, 0, k % 3}) + at(batch.inputs["y"], {row, k / 3 % 4, 0}));
    }
  }
}

TYPED_TEST(RunTest, LocalKernelsWorkOnGatheredRows) {
  using T = TypeParam;
  MadePlan made;
  const LayoutId steps = made.layout({kT});
  const LayoutId runs = made.layout({}, {kT});
  const NodeId x = made.input("x", runs, {3});
  const NodeId y = made.value("y", steps, {3});
  Instruction& instruction = made.add(OpCode::kLocal, y, {made.read(x, made.spread(steps, runs))});
  instruction.kind = &made_kinds().at("reverse");
  instruction.local.numbers = {3};
  made.plan.forward = {MadePlan::bulk({0})};
  Run<T> run(made.done(), {.poison = true});
  Batch<T> batch;
  batch.rows = 3;
  batch.inputs["x"] = random_array<T>({3, 9000, 3}, this->random_);  // more than a tile of gathered rows
  batch.lengths["t"] = {5000, 9000, 1};
  run.forward(batch);
  const Array<T> reversed = run.value(y);
  EXPECT_EQ(at(reversed, {1, 8999, 0}), at(batch.inputs["x"], {1, 8999, 2}));
  EXPECT_EQ(at(reversed, {0, 4999, 2}), at(batch.inputs["x"], {0, 4999, 0}));
  EXPECT_EQ(at(reversed, {0, 5000, 2}), T(0));
}

TYPED_TEST(RunTest, DrawsFollowTheExampleNotItsRow) {
  using T = TypeParam;
  MadePlan made;
  const LayoutId steps = made.layout({kT});
  const NodeId x = made.input("x", steps, {});
  const NodeId noise = made.value("noise", steps, {5});
  made.add(OpCode::kDraw, noise, {}).draw_name = 77;
  made.plan.forward = {MadePlan::bulk({0})};
  static_cast<void>(x);
  Run<T> run(made.done(), {.seed = 3});
  Batch<T> batch;
  batch.rows = 3;
  batch.inputs["x"] = random_array<T>({3, 4}, this->random_);
  batch.example_ids = {10, 11, 12};
  batch.lengths["t"] = {1, 4, 2};
  run.forward(batch);
  const Array<T> first = run.value(noise);
  batch.example_ids = {11, 12, 10};
  batch.lengths["t"] = {4, 2, 1};
  run.forward(batch);
  const Array<T> permuted = run.value(noise);
  for (std::int64_t t = 0; t < 4; ++t) EXPECT_EQ(at(first, {1, t, 4}), at(permuted, {0, t, 4}));
  EXPECT_EQ(at(first, {0, 0, 2}), at(permuted, {2, 0, 2}));
  EXPECT_NE(at(first, {1, 0, 2}), at(first, {1, 1, 2}));
  run.set_seed(4);
  run.forward(batch);
  EXPECT_NE(run.value(noise).data, permuted.data);
}

TYPED_TEST(RunTest, TheSameLengthsAgainBuildNothing) {
  using T = TypeParam;
  const MadePlan made = lagged();
  Run<T> run(made.done());
  run.set_parameters({{"a", random_array<T>({3}, this->random_)}, {"h0", random_array<T>({2, 3}, this->random_)}});
  run.forward(lagged_batch<T>({2, 5, 1}, this->random_));
  const std::int64_t built = run.shard(0).extents().builds();
  run.forward(lagged_batch<T>({2, 5, 1}, this->random_));
  EXPECT_EQ(run.shard(0).extents().builds(), built);
}

TYPED_TEST(RunTest, ABatchLargerThanTheMemoryAllowedIsRefusedFirst) {
  using T = TypeParam;
  const MadePlan made = lagged();
  Run<T> run(made.done(), {.max_bytes = 1000});
  run.set_parameters({{"a", random_array<T>({3}, this->random_)}, {"h0", random_array<T>({2, 3}, this->random_)}});
  EXPECT_NO_THROW(run.forward(lagged_batch<T>({1}, this->random_)));
  const Batch<T> large = lagged_batch<T>(std::vector<std::int32_t>(50, 6), this->random_);
  EXPECT_THROW(run.forward(large), ModelError);
  EXPECT_THROW(run.forward(large), ModelError);  // nothing of it was built
  EXPECT_NO_THROW(run.forward(lagged_batch<T>({1}, this->random_)));
}

}  // namespace
}  // namespace tapeloop::test
