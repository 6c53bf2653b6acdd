// Checkpointing: what a run in chunks gives is what a whole run gives, in less memory.
#include "models/facade/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "models/facade/session.h"
#include "runtime/held_bytes.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::HasSubstr;
using testing::model_of;
using testing::waves;

using Lengths = std::vector<std::int32_t>;

struct Case {
  Model model;
  std::map<std::string, std::vector<std::int64_t>> shapes;
  Batch<double> batch;
  bool with_loss = false;
};

// x [rows][t][3] with these lengths.
Case on_t(Model model, const Lengths& lengths) {
  Case made{std::move(model), {{"x", {3}}}, {}, false};
  made.batch.rows = static_cast<std::int64_t>(lengths.size());
  const std::int64_t longest = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
  made.batch.inputs["x"] = waves({made.batch.rows, longest, 3}, 0.7);
  made.batch.lengths["t"] = lengths;
  return made;
}

CompileOptions compile_options(const Case& tried) {
  CompileOptions options;
  options.fed_shapes = tried.shapes;
  options.input_gradients = true;
  return options;
}

double largest(const Array<double>& array) {
  double found = 1e-3;
  for (const double value : array.data) found = std::max(found, std::abs(value));
  return found;
}

void expect_equal(const Array<double>& found, const Array<double>& expected, const std::string& what) {
  ASSERT_EQ(found.dims, expected.dims) << what;
  const double bound = 1e-12 * largest(expected);
  for (std::size_t k = 0; k < expected.data.size(); ++k) ASSERT_NEAR(found.data[k], expected.data[k], bound) << what << " at " << k;
}

// Values, loss and gradients of chunks of several sizes, one position and more than there are among them.
void expect_same_in_chunks(const Case& tried) {
  SessionOptions options;
  options.mode = Mode::kTrain;
  options.shapes = tried.shapes;
  options.input_gradients = true;
  options.seed = 3;
  Session<double> whole(tried.model, options);
  whole.forward(tried.batch);
  Cotangents<double> cotangents;
  if (!whole.has_loss()) {
    for (const OutputRef& output : whole.plan().outputs) cotangents[output.name] = waves(whole.value(output.name).dims, 1.1);
  }
  whole.run().backward(cotangents);

  Diagnostics diagnostics;
  const ChunkPlans plans = compile_chunks(tried.model, compile_options(tried), true, diagnostics);
  raise_errors(diagnostics);
  for (const std::int64_t positions : {0, 1, 2, 3, 5, 100}) {
    const std::string place = "chunks of " + std::to_string(positions);
    ChunkedRun<double> run(plans, {.positions = positions, .run = {.seed = 3, .poison = true}});
    for (const auto& entry : whole.parameters().entries()) {
      run.bind_parameter(entry.spec.name, whole.parameters().block().data() + entry.offset);
    }
    for (int again = 0; again < 2; ++again) {  // with what the first batch left
      run.forward(tried.batch);
      run.backward(cotangents);
    }
    if (whole.has_loss()) {
      EXPECT_NEAR(run.loss(), whole.loss(), 1e-12 * std::max(std::abs(whole.loss()), 1e-3)) << place;
    }
    for (const OutputRef& output : whole.plan().outputs) {
      expect_equal(run.value(output.name), whole.value(output.name), place + ": " + output.name);
    }
    for (std::size_t k = 0; k < whole.plan().gradients.size(); ++k) {
      const std::string& leaf = whole.plan().value(whole.plan().gradients[k].first).name;
      expect_equal(run.gradient(leaf), whole.run().gradient_value(k), place + ": gradient of " + leaf);
    }
  }
}

class CausalCell : public ::testing::TestWithParam<std::string> {};

TEST_P(CausalCell, HasTheSameGradientsInChunks) {
  for (const Lengths& lengths : {Lengths{7, 7}, Lengths{4, 0, 9, 1}, Lengths{0, 0}}) {
    expect_same_in_chunks(on_t(Model::load(GetParam(), {"options.units=3"}), lengths));
  }
}

INSTANTIATE_TEST_SUITE_P(All, CausalCell,
                         ::testing::Values("simple_rnn", "gru", "gru_reset_after", "lstm", "gf_rnn", "gf_gru", "gf_lstm", "narx"),
                         [](const auto& test) { return test.param; });

const std::string kHead =
    "tapeloop: 1\n"
    "inputs: {x: {shape: [features]}}\n";

TEST(Chunks, CarryWhatSeveralStepsBackReadAcrossShortChunks) {
  expect_same_in_chunks(on_t(Model::load("narx", {"options.units=3", "options.taps=5"}), {6, 2, 0, 11}));
}

TEST(Chunks, BeginAsTheStatesSay) {
  expect_same_in_chunks(on_t(model_of(kHead + "parameters:\n"
                                              "  h0: [4]\n"
                                              "nodes:\n"
                                              "  h: tanh(linear(x, h_tm1, h_tm2, units=4))\n"
                                              "states: {h: h0}\n"
                                              "outputs: [h]\n"),
                             {5, 0, 1, 8}));
}

TEST(Chunks, GiveTheMeanOverAllPositions) {
  expect_same_in_chunks(on_t(model_of(kHead + "nodes:\n"
                                              "  h: tanh(linear(x, h_tm1, units=4))\n"
                                              "  error: mse(linear(h, units=3), x)\n"
                                              "outputs: [h]\n"
                                              "loss: error\n"),
                             {5, 0, 1, 8}));
}

TEST(Chunks, ReadTheEndAndMeansOfRunsOnceAllIsKnown) {
  expect_same_in_chunks(on_t(model_of(kHead + "nodes:\n"
                                              "  h: tanh(linear(x, h_tm1, units=4))\n"
                                              "  y: linear(last(h, along=t), mean(h, along=t), sum(square(x), along=t), units=2)\n"
                                              "outputs: [y, h]\n"),
                             {5, 0, 1, 8}));
}

TEST(Chunks, KnowWhereTheyStand) {
  expect_same_in_chunks(on_t(model_of(kHead + "nodes:\n"
                                              "  place: (1 + index(t)) / length(t)\n"
                                              "  left: length(t) - index(t)\n"
                                              "  h: tanh(linear(x, h_tm1, units=4) + place - 0.1 * left)\n"
                                              "outputs: [h]\n"),
                             {5, 0, 1, 8}));
}

TEST(Chunks, KnowHowFarTheEndIs) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("tapeloop_chunks_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const std::string left = "nodes: {y: x * (index(t) + 1)}\noutputs: [y]\n";
  std::ofstream(folder / "left.yaml") << kHead << left;
  std::ofstream(folder / "model.yaml") << kHead
                                       << "nodes: {p: \"left(x, along=-t)\", h: \"tanh(linear(p, h_tm1, units=4))\"}\noutputs: [h]\n";
  expect_same_in_chunks(on_t(Model::load((folder / "model.yaml").string()), {5, 0, 1, 8}));
  std::filesystem::remove_all(folder);
}

TEST(Chunks, DrawWhatTheWholeRunDraws) {
  expect_same_in_chunks(on_t(model_of(kHead + "nodes:\n"
                                              "  d: dropout(x, rate=0.4)\n"
                                              "  h: tanh(linear(d, h_tm1, units=4))\n"
                                              "  z: zoneout(h, h_tm1, rate=0.3) + 0.1 * normal(h_tm2, mean=0, deviation=1)\n"
                                              "outputs: [z]\n"),
                             {5, 0, 1, 8}));
}

TEST(Chunks, CutWhatLiesWithinT) {
  Case tried = on_t(model_of("tapeloop: 1\n"
                             "axes: {t: {}, u: {within: t}}\n"
                             "inputs:\n"
                             "  x: {shape: [features]}\n"
                             "  w: {axes: [t, u], shape: [2]}\n"
                             "nodes:\n"
                             "  b: tanh(linear(w, b[u-1], units=3))\n"
                             "  h: tanh(linear(x, h_tm1, last(b, along=u), units=3))\n"
                             "outputs: [h, b]\n"),
                    {3, 0, 4});
  tried.shapes["w"] = {2};
  tried.batch.inputs["w"] = waves({3, 4, 3, 2}, 0.4);
  tried.batch.lengths["u"] = {2, 0, 3, 1, 1, 3, 0};
  expect_same_in_chunks(tried);
}

TEST(Chunks, GiveTheSameBitsForAnyNumberOfThreads) {
  const Case tried = on_t(Model::load("gru", {"options.units=5"}), {9, 4, 0, 7, 7, 1});
  Diagnostics diagnostics;
  const ChunkPlans plans = compile_chunks(tried.model, compile_options(tried), true, diagnostics);
  raise_errors(diagnostics);
  std::map<std::string, Array<double>> parameters, first;
  for (const NodeId id : plans.chunk->parameters) {
    parameters[plans.chunk->value(id).name] = waves(numbers(plans.chunk->value(id).shape), 0.9);
  }
  for (const int threads : {1, 2, 3}) {
    ChunkedRun<double> run(plans, {.positions = 2, .run = {.threads = threads, .shard_rows = 2}});
    run.set_parameters(parameters);
    run.forward(tried.batch);
    run.backward({{"h", waves({6, 9, 5}, 1.1)}});
    for (const auto& [name, array] : parameters) {
      const auto [at, is_new] = first.emplace(name, run.gradient(name));
      EXPECT_EQ(run.gradient(name).data, at->second.data) << name << ", " << threads << " threads";
    }
  }
}

// How the model is refused; "" if it is not.
std::string refusal(const std::string& nodes) {
  Diagnostics diagnostics;
  CompileOptions options;
  options.fed_shapes = {{"x", {3}}};
  compile_chunks(model_of(kHead + "nodes:\n" + nodes), options, true, diagnostics);
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics.sorted()) {
    if (diagnostic.severity == Severity::kError) text += format(diagnostic) + "\n";
  }
  return text;
}

TEST(Chunks, AreRefusedWithTheReadThatForbidsThem) {
  EXPECT_THAT(refusal("  h: tanh(linear(x, h_tp1, units=4))\noutputs: [h]\n"), HasSubstr("E0610"));
  EXPECT_THAT(refusal("  h: tanh(linear(x, h_tp1, units=4))\noutputs: [h]\n"), HasSubstr("'h_tp1' reads the future"));
  EXPECT_THAT(refusal("  m: mean(x, along=t)\n  h: tanh(linear(x, m, h_tm1, units=4))\noutputs: [h]\n"), HasSubstr("needs all of t"));
  EXPECT_THAT(refusal("  m: max(x, along=t)\noutputs: [m]\n"), HasSubstr("reads all of t otherwise than"));
  EXPECT_EQ(refusal("  m: max(x, along=t)\n  h: tanh(linear(x, h_tm1, units=4))\noutputs: [h]\n"), "");  // m is not needed
}

// Announced without a batch, held with one.
TEST(Chunks, HoldWhatIsAnnounced) {
  const Model model = Model::load("gru", {"options.units=8"});
  const Case tried = on_t(model, {900, 900});
  const CompileOptions options = compile_options(tried);
  std::map<std::string, Array<double>> parameters;
  std::int64_t learned = 0;
  const auto plan = std::make_shared<const Plan>(model.compile(options).plan);
  for (const NodeId id : plan->parameters) {
    parameters[plan->value(id).name] = waves(numbers(plan->value(id).shape), 0.9);
    learned += 8 * elements(plan->value(id).shape);
  }
  tapeloop::Run<double> whole(plan);
  whole.set_parameters(parameters);
  whole.forward(tried.batch);
  whole.backward();
  EXPECT_EQ(held_bytes(*plan, {2, 900, 8}), whole.bytes() - learned);
  Diagnostics diagnostics;
  CompileOptions without_inputs = options;
  without_inputs.input_gradients = false;
  const ChunkPlans plans = compile_chunks(model, without_inputs, true, diagnostics);
  raise_errors(diagnostics);
  ChunkedRun<double> chunked(plans, {.positions = 45, .run = {}});
  chunked.set_parameters(parameters);
  chunked.forward(tried.batch);
  const auto outputs = static_cast<std::int64_t>(chunked.value("h").data.size()) * 8;
  chunked.backward();
  const double held = static_cast<double>(chunked.bytes() - outputs);
  EXPECT_NEAR(static_cast<double>(*held_bytes(plans, {2, 900, 8}, 45)), held, 0.1 * held);
}

// Bytes that a training step of a GRU holds, inputs and outputs apart: the loss is all that is wanted.
std::int64_t held(std::int32_t steps, bool chunked) {
  const Model model = model_of(kHead +
                               "nodes:\n"
                               "  h: gru(x, units=8)\n"
                               "  error: mse(linear(h, units=3), x)\n"
                               "outputs: [h]\n"
                               "loss: error\n");
  Case tried = on_t(model, {steps, steps});
  CompileOptions options = compile_options(tried);
  options.input_gradients = false;
  std::map<std::string, Array<double>> parameters;
  const auto fill = [&](const Plan& plan) {
    for (const NodeId id : plan.parameters) parameters[plan.value(id).name] = waves(numbers(plan.value(id).shape), 0.9);
  };
  if (!chunked) {
    const auto plan = std::make_shared<const Plan>(model.compile(options).plan);
    fill(*plan);
    Run<double> run(plan);
    run.set_parameters(parameters);
    run.forward(tried.batch);
    run.backward();
    return run.bytes();
  }
  Diagnostics diagnostics;
  const ChunkPlans plans = compile_chunks(model, options, false, diagnostics);
  raise_errors(diagnostics);
  fill(*plans.chunk);
  ChunkedRun<double> run(plans);
  run.set_parameters(parameters);
  run.forward(tried.batch);
  run.backward();
  return run.bytes();
}

TEST(Chunks, HoldMemoryThatGrowsAsTheRootOfTheLength) {
  const std::int64_t bare = held(1, true);
  std::int64_t before = held(1000, true) - bare;
  for (const std::int32_t steps : {4000, 16000, 64000}) {
    const std::int64_t now = held(steps, true) - bare;
    RecordProperty("bytes_" + std::to_string(steps), std::to_string(now + bare));
    EXPECT_LE(static_cast<double>(now), 2.05 * static_cast<double>(before)) << steps;
    before = now;
  }
  EXPECT_LT(20 * held(16000, true), held(16000, false));
}

}  // namespace
}  // namespace tapeloop
