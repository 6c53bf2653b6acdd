// Checkpointing of models that are not causal: what a plan that works values out again gives is what the plain one gives, in less
// memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "models/facade/checkpoint.h"
#include "runtime/held_bytes.h"
#include "tests/allocations.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using testing::model_of;
using testing::waves;

using Lengths = std::vector<std::int32_t>;
using Plans = std::pair<std::shared_ptr<const Plan>, std::shared_ptr<const Plan>>;  // plain, recomputing

const std::string kHead =
    "tapeloop: 1\n"
    "inputs: {x: {shape: [features]}}\n";

const std::string kStack = kHead +
                           "nodes:\n"
                           "  a: bidirectional(x, units=5, cell=gru)\n"
                           "  d: dropout(a, rate=0.3)\n"
                           "  b: bidirectional(d, units=4, cell=lstm)\n"
                           "  error: mse(linear(b, units=3), x)\n"
                           "outputs: [b]\n"
                           "loss: error\n";

// Attention: a decoder along t reads all of a bidirectional encoder along s at each of its steps.
const std::string kTranslator =
    "tapeloop: 1\n"
    "axes: {s: {}, t: {}}\n"
    "inputs: {x: {axes: [t], shape: [features]}, src: {axes: [s], shape: [2]}}\n"
    "parameters: {v: [4]}\n"
    "nodes:\n"
    "  e: bidirectional(src, units=3, cell=gru)\n"
    "  keys: linear(e, units=4)\n"
    "  query: linear(h_tm1, units=4)\n"
    "  context: attend(tanh(keys + query) @ v, e, along=s)\n"
    "  h: tanh(linear(x, context, units=4))\n"
    "outputs: [h]\n";

Batch<double> batch_of(const Lengths& lengths, const Lengths& source = {}) {
  Batch<double> batch;
  batch.rows = static_cast<std::int64_t>(lengths.size());
  const auto feed = [&](const std::string& name, const std::string& axis, const Lengths& of_axis, std::int64_t width) {
    const std::int64_t longest = of_axis.empty() ? 0 : *std::max_element(of_axis.begin(), of_axis.end());
    batch.inputs[name] = waves({batch.rows, longest, width}, 0.7);
    batch.lengths[axis] = of_axis;
  };
  feed("x", "t", lengths, 3);
  if (!source.empty()) feed("src", "s", source, 2);
  return batch;
}

Plans plans_of(const Model& model, bool input_gradients = true) {
  CompileOptions options;
  options.fed_shapes = {{"x", {3}}};
  options.input_gradients = input_gradients;
  Diagnostics diagnostics;
  Plans plans{std::make_shared<const Plan>(model.compile(options).plan), compile_recomputing(model, options, diagnostics)};
  raise_errors(diagnostics);
  return plans;
}

std::map<std::string, Array<double>> parameters_of(const Plan& plan) {
  std::map<std::string, Array<double>> parameters;
  for (const NodeId id : plan.parameters) parameters[plan.value(id).name] = waves(numbers(plan.value(id).shape), 0.9);
  return parameters;
}

// Outputs, loss and gradients, by name.
template <class T>
std::map<std::string, Array<T>> results(Run<T>& run) {
  std::map<std::string, Array<T>> found;
  const Plan& plan = run.plan();
  for (const OutputRef& output : plan.outputs) found[output.name] = run.value(output.node);
  if (plan.loss != kNone) found["loss"] = run.value(plan.loss);
  for (std::size_t k = 0; k < plan.gradients.size(); ++k) {
    found["gradient of " + plan.value(plan.gradients[k].first).name] = run.gradient_value(k);
  }
  return found;
}

std::map<std::string, Array<double>> results(const std::shared_ptr<const Plan>& plan, const Batch<double>& batch,
                                             const RunOptions& options) {
  Run<double> run(plan, options);
  run.set_parameters(parameters_of(*plan));
  for (int again = 0; again < 2; ++again) {  // with what the first batch left
    run.forward(batch);
    Cotangents<double> cotangents;
    for (const OutputRef& output : plan->outputs) {
      if (plan->loss == kNone) cotangents[output.name] = waves(run.value(output.node).dims, 1.1);
    }
    run.backward(cotangents);
  }
  return results(run);
}

void expect_same(const Model& model, const Batch<double>& batch) {
  const auto [plain, again] = plans_of(model);
  ASSERT_TRUE(again);
  const auto expected = results(plain, batch, {.seed = 3, .poison = true});
  for (const std::int64_t positions : {0, 1, 2, 3, 100}) {
    for (const int threads : {1, 2}) {
      const auto found = results(
          again, batch, {.seed = 3, .poison = true, .threads = threads, .least_shared = 0, .shard_rows = 2, .positions = positions});
      for (const auto& [name, array] : expected) {
        ASSERT_EQ(found.at(name).dims, array.dims) << name;
        double largest = 1e-3;
        for (const double value : array.data) largest = std::max(largest, std::abs(value));
        for (std::size_t k = 0; k < array.data.size(); ++k) {
          ASSERT_NEAR(found.at(name).data[k], array.data[k], 1e-12 * largest) << name << " at " << k << ", chunks of " << positions;
        }
      }
    }
  }
}

const Lengths kRagged{4, 0, 9, 1, 7};

TEST(Recomputing, GivesTheGradientsOfBothDirections) {
  for (const char* cell : {"gru", "lstm", "simple_rnn", "gf_lstm"}) {
    expect_same(Model::load("bidirectional", {"options.units=3", std::string("options.cell=") + cell}), batch_of(kRagged));
  }
}

TEST(Recomputing, GivesTheGradientsOfAStackWithDropout) {
  for (const Lengths& lengths : {kRagged, Lengths{6, 6, 6}, Lengths{0, 0}}) expect_same(model_of(kStack), batch_of(lengths));
}

TEST(Recomputing, GivesTheGradientsOfAttentionOverBothDirections) {
  expect_same(model_of(kTranslator), batch_of(kRagged, {3, 5, 0, 8, 2}));
}

TEST(Recomputing, GivesTheGradientsOfCausalModels) {
  for (const char* name : {"gru", "lstm", "gf_gru", "narx"}) expect_same(Model::load(name, {"options.units=3"}), batch_of(kRagged));
}

// How far the runs along u go is worked out step by step, and backward asks for it again.
TEST(Recomputing, GivesTheGradientsOfRunsWhoseLengthsAScanSays) {
  const std::string head = "tapeloop: 1\naxes: {t: {}, u: {within: t, length: n}}\ninputs: {x: {shape: [features]}}\n";
  expect_same(model_of(head + "nodes:\n"
                              "  n: where(sum(g_tm1, along=shape) > 0, 3, 1)\n"
                              "  g: tanh(linear(x, g_tm1, units=4) + 0.1 * n)\n"
                              "  a: tanh(linear(x, units=4) * (index(u) + 1) - 0.5 * a[u-1])\n"
                              "  b: tanh(linear(g, sum(a, along=u), b_tp1, units=3))\n"
                              "outputs: [b]\n"),
              batch_of(kRagged));
  expect_same(model_of(head + "nodes:\n"
                              "  n: 1 + mod(index(t), 3)\n"
                              "  a: tanh(linear(x, units=4) * (index(u) + 1) - 0.5 * a[u-1])\n"
                              "  b: tanh(linear(x * n, sum(a, along=u), b_tp1, units=3))\n"
                              "outputs: [b]\n"),
              batch_of(kRagged));
}

TEST(Recomputing, GivesTheSameBitsForAnyNumberOfThreads) {
  const auto plan = plans_of(model_of(kStack)).second;
  const Batch<double> batch = batch_of({9, 4, 0, 7, 7, 1});
  const auto first = results(plan, batch, {.threads = 1, .shard_rows = 2, .positions = 2});
  for (const int threads : {2, 3}) {
    const auto found = results(plan, batch, {.threads = threads, .least_shared = 0, .shard_rows = 2, .positions = 2});
    for (const auto& [name, array] : first) EXPECT_EQ(found.at(name).data, array.data) << name << ", " << threads << " threads";
  }
}

TEST(Recomputing, IsNotForModelsWithoutScan) {
  EXPECT_FALSE(plans_of(model_of(kHead + "nodes:\n  y: tanh(linear(x, x_tp1, units=3))\noutputs: [y]\n")).second);
}

// Of a run forward and backward.
struct Held {
  std::int64_t bytes = 0, announced = 0, allocations = 0;
};

Held held(const std::shared_ptr<const Plan>& plan, std::int32_t steps, const Lengths& source = {}) {
  const Batch<double> batch = batch_of({steps, steps}, source);
  Run<double> run(plan);
  run.set_parameters(parameters_of(*plan));
  run.forward(batch);
  run.backward();
  Held found;
  const AllocationCount allocations;
  run.forward(batch);
  run.backward();
  found.allocations = AllocationCount::works() ? allocations.news() : 0;
  found.bytes = run.bytes();
  for (const NodeId id : plan->parameters) found.bytes -= 8 * elements(plan->value(id).shape);
  found.announced = held_bytes(*plan, {2, steps, 8}).value_or(0);
  return found;
}

TEST(Recomputing, HoldsWhatIsAnnouncedAndTakesNothingMoreFromTheHeap) {
  const auto [plain, again] = plans_of(model_of(kStack), false);
  const Held found = held(again, 900);
  EXPECT_EQ(found.bytes, found.announced);
  EXPECT_EQ(found.allocations, 0);
  EXPECT_LT(2 * found.bytes, held(plain, 900).bytes);
}

// Wide values that only one scan reads are there for a chunk of it.
TEST(Recomputing, HoldsWhatFeedsAScanForOneChunk) {
  const auto [plain, again] = plans_of(model_of(kHead + "nodes:\n"
                                                        "  e: tanh(linear(x, units=40))\n"
                                                        "  a: simple_rnn(square(e) - sigmoid(e), units=2)\n"
                                                        "outputs: [a]\n"),
                                       false);
  const std::int64_t whole = held(plain, 900).bytes, chunk = held(again, 900).bytes;
  EXPECT_LT(4 * chunk, whole);
}

// Its weights stand on both axes: most of what there is.
TEST(Recomputing, HoldsAttentionForOneChunk) {
  const auto [plain, again] = plans_of(model_of(kTranslator), false);
  const std::int64_t whole = held(plain, 300, {300, 300}).bytes, chunk = held(again, 300, {300, 300}).bytes;
  RecordProperty("bytes", std::to_string(whole) + " and " + std::to_string(chunk));
  EXPECT_LT(8 * chunk, whole);
}

}  // namespace
}  // namespace tapeloop
