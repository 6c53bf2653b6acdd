// Back-propagation cut off after some positions, against its definition: the whole run with its taps stopped where the part begins.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "compiler/frontend/container_reader.h"
#include "models/facade/checkpoint.h"
#include "models/facade/session.h"
#include "models/facade/train.h"
#include "runtime/chunked_run.h"

namespace tapeloop {
namespace {

using testing::HasSubstr;

// States at two lags, one of them with a learned start; taps of an input; a mean of ragged runs.
constexpr const char* kModel =
    "tapeloop: 1\n"
    "inputs: {x: {shape: [2]}, target: {shape: [3]}}\n"
    "parameters: {W: [2, 3], V: [2, 3], U: [3, 3], S: [3, 3], start: {shape: [3], init: {normal: 1}}}\n"
    "states: {h: start}\n"
    "nodes:\n"
    "  h: tanh(x @ W + x_tm2 @ V + h_tm1 @ U + h_tm3 @ S + 0.1 * index(t))\n"
    "  error: mse(h, target)\n"
    "outputs: [h]\n"
    "loss: error\n";

// The same with what the definition says: before the cut nothing passes back, and only positions from FROM to TO - 1 count.
std::string by_definition(const ChunkWindow& window) {
  const std::string cut = std::to_string(window.begin);
  const std::string counts = "(index(t) >= " + std::to_string(window.counted) + ") * (index(t) < " + std::to_string(window.end) + ")";
  const auto stopped = [&](const std::string& tap, const std::string& lag) {
    return window.begin == 0 ? tap : "where(index(t) < " + cut + " + " + lag + ", stop_gradient(" + tap + "), " + tap + ")";
  };
  return "tapeloop: 1\n"
         "inputs: {x: {shape: [2]}, target: {shape: [3]}}\n"
         "parameters: {W: [2, 3], V: [2, 3], U: [3, 3], S: [3, 3], start: {shape: [3], init: {normal: 1}}}\n"
         "states: {h: start}\n"
         "nodes:\n"
         "  one: " +
         stopped("h_tm1", "1") + "\n  three: " + stopped("h_tm3", "3") + "\n  counts: " + counts +
         "\n  h: tanh(x @ W + x_tm2 @ V + one @ U + three @ S + 0.1 * index(t))\n"
         "  error: mse(h, target)\n"
         "outputs: [h]\n"
         "loss: {mean: error, weights: counts}\n";
}

Model model_of(const std::string& yaml) {
  Diagnostics diagnostics;
  const auto container = read_container(yaml, "m.yaml", "", diagnostics);
  raise_errors(diagnostics);
  return Model(*container);
}

Batch<double> ragged_batch() {
  Batch<double> batch;
  batch.rows = 3;
  batch.lengths["t"] = {20, 11, 17};
  batch.inputs["x"] = {{3, 20, 2}, {}};
  for (int k = 0; k < 120; ++k) batch.inputs["x"].data.push_back(std::sin(0.9 * k));
  batch.inputs["target"] = {{3, 20, 3}, {}};
  for (int k = 0; k < 180; ++k) batch.inputs["target"].data.push_back(std::cos(0.4 * k));
  return batch;
}

ChunkedRun<double> chunked_run(const Parameters<double>& parameters) {
  Diagnostics diagnostics;
  ChunkedRun<double> run(compile_chunks(model_of(kModel), {}, false, diagnostics));
  raise_errors(diagnostics);
  for (std::size_t k = 0; k < parameters.entries().size(); ++k) {
    run.bind_parameter(parameters.entries()[k].spec.name, parameters.values(k).data());
  }
  return run;
}

// Losses of the last `every` positions through `back`: part after part of one batch.
void expect_definition(std::int64_t every, std::int64_t back) {
  SessionOptions options;
  options.mode = Mode::kTrain;
  options.seed = 4;
  const Session<double> start(model_of(kModel), options);
  const Parameters<double> parameters = start.parameters();
  const Batch<double> batch = ragged_batch();
  ChunkedRun<double> run = chunked_run(parameters);
  for (std::int64_t end = every; end - every < 20; end += every) {
    const ChunkWindow window{std::max<std::int64_t>(end - back, 0), end - every, end, std::max<std::int64_t>(end + every - back, 0)};
    run.forward(batch, window);
    run.backward();
    Session<double> defined(model_of(by_definition(window)), options);
    for (const auto& entry : parameters.entries()) defined.parameters().set(entry.spec.name, parameters.get(entry.spec.name));
    defined.forward(batch);
    defined.backward();
    EXPECT_NEAR(run.loss(), defined.loss(), 1e-12) << every << " " << back << " at " << end;
    for (const auto& entry : parameters.entries()) {
      const Array<double> found = run.gradient(entry.spec.name), expected = defined.gradient(entry.spec.name);
      for (std::size_t k = 0; k < found.data.size(); ++k) {
        EXPECT_NEAR(found.data[k], expected.data[k], 1e-12) << entry.spec.name << ", " << every << " through " << back << " at " << end;
      }
    }
  }
}

TEST(Truncate, GradientsAreThoseOfTheDefinition) {
  expect_definition(4, 4);  // no part reaches into another
  expect_definition(3, 6);  // twice as far
  expect_definition(4, 7);  // no multiple
  expect_definition(2, 9);
  expect_definition(1, 3);
  expect_definition(6, 100);  // as far as there is
  expect_definition(30, 30);  // all in one part
}

std::string series_model(const std::string& loss, const std::string& train) {
  return "tapeloop: 1\ninputs: {x: {shape: [1]}, counts: {}}\nnodes:\n  h: gru(x, units=4)\n  y: linear(h, units=1)\n"
         "  error: mse(y_tm1, x)\n  whole: mean(error, along=t)\noutputs: [y]\nloss: " +
         loss +
         "\ntrain:\n  data:\n    file: sunspots.csv\n    scale: {sunspots: [sqrt, standard]}\n"
         "    inputs: {x: {columns: [sunspots]}, counts: {mask: true}}\n"
         "    split: {column: year, train: [1700, 1901], test: [1921, 1955]}\n"
         "  optimizer: {name: sgd, lr: 0.05}\n  epochs: 2\n" +
         train;
}

TEST(Truncate, OfTheWholeSeriesIsAnOrdinaryStep) {
  const auto trained = [](const std::string& train) {
    const Training training(model_of(series_model("{mean: error, weights: counts}", train)));
    auto trainer = training.trainer(1);
    trainer.fit(training.data());
    EXPECT_EQ(trainer.steps(), 2);
    return std::vector<float>(trainer.parameters().block().begin(), trainer.parameters().block().end());
  };
  EXPECT_THAT(trained("  truncate: {every: 5000}\n"), testing::Pointwise(testing::FloatNear(1e-6F), trained("")));
}

TEST(Truncate, MakesAStepOfEachPart) {
  const Model model = model_of(series_model("{mean: error, weights: counts}", "  truncate: {every: 20, back: 30}\n"));
  const Training training(model);
  auto trainer = training.trainer(1);
  const FitResult<float> fitted = trainer.fit(training.data());
  const auto years = static_cast<std::int64_t>(training.data().examples(Split::kTrain));
  EXPECT_EQ(years, 1);  // one series
  EXPECT_GT(trainer.steps(), 20);
  EXPECT_EQ(trainer.steps() % 2, 0);
  EXPECT_LT(fitted.history[1].train_loss, fitted.history[0].train_loss);
}

TEST(Truncate, IsRefusedWhereItMeansNothing) {
  const auto problem = [](const std::string& loss, const std::string& train) -> std::string {
    try {
      const Training training(model_of(series_model(loss, train)));
    } catch (const ModelError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(problem("whole", "  truncate: {every: 5}\n"),
              HasSubstr("E0808: train.truncate makes steps of the losses of a few positions"));
  EXPECT_THAT(problem("error", "  truncate: {every: 5, back: 4}\n"), HasSubstr("cannot go back through fewer, 4"));
  EXPECT_THAT(problem("error", "  truncate: {back: 4}\n"), HasSubstr("E0804"));
  EXPECT_THAT(problem("error", "  truncate: {every: 0}\n"), HasSubstr("E0803"));
  EXPECT_THAT(problem("error", "  truncate: {every: 5}\n  accumulate: 2\n"), HasSubstr("E0808"));
  EXPECT_THAT(problem("error", "  truncate: {every: 5}\n  memory: {checkpoint: auto}\n"), HasSubstr("E0808"));
}

// What is not trained has no gradient, and no instruction that would work it out.
TEST(Frozen, ParametersHaveNoGradientInThePlan) {
  const auto training = [](const std::string& train) { return Training(model_of(series_model("{mean: error, weights: counts}", train))); };
  const Training all = training(""), some = training("  rates: {\"h.*\": 0}\n"), one = training("  rates: {h.z.linear.x: 1, \"h.*\": 0}\n");
  const auto names = [](const Plan& plan) {
    std::vector<std::string> list;
    for (const auto& [of, gradient] : plan.gradients) list.push_back(plan.value(of).name);
    return list;
  };
  EXPECT_THAT(names(some.plan()), testing::UnorderedElementsAre("y.linear.h", "y.linear.bias"));
  EXPECT_THAT(names(one.plan()), testing::Contains("h.z.linear.x"));
  EXPECT_THAT(names(one.plan()), testing::Not(testing::Contains("h.r.linear.x")));
  const auto scans = [](const Plan& plan) {
    return std::count_if(plan.backward.begin(), plan.backward.end(), [](const Segment& s) { return s.kind == Segment::Kind::kScan; });
  };
  EXPECT_EQ(scans(all.plan()), 1);
  EXPECT_EQ(scans(some.plan()), 0);  // nothing goes back through the steps
  for (const Training* each : {&some, &one}) {
    auto trainer = each->trainer(1);
    const auto before = trainer.parameters().get("h.r.linear.x").data, moving = trainer.parameters().get("y.linear.h").data;
    trainer.fit(each->data());
    EXPECT_EQ(trainer.parameters().get("h.r.linear.x").data, before);
    EXPECT_NE(trainer.parameters().get("y.linear.h").data, moving);
  }
}

}  // namespace
}  // namespace tapeloop
