#include "runtime/training/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

#include "compiler/frontend/container_reader.h"
#include "models/facade/built_in_models.h"
#include "models/facade/checkpoint.h"
#include "models/facade/model.h"
#include "models/facade/train.h"
#include "tests/allocations.h"

namespace tapeloop {
namespace {

using testing::HasSubstr;

// y = w x + b on each step; the loss is the mean of (y - target)^2 over all real steps.
constexpr const char* kLine = R"(tapeloop: 1
inputs: {x: {shape: [1]}, target: {shape: [1]}}
parameters: {w: {shape: [1, 1], init: zeros}, b: [1]}
nodes:
  y: x @ w + b
  error: mse(y, target)
outputs: [y]
loss: error
)";

// Ragged lengths, a recurrence, several products.
constexpr const char* kRecurrent = R"(tapeloop: 1
inputs: {x: {shape: [3]}, target: {axes: [], shape: [2]}}
nodes:
  z: sigmoid(linear(x, h_tm1, units=8))
  n: tanh(linear(x, h_tm1, units=8))
  h: z * h_tm1 + (1 - z) * n
  y: linear(last(h, along=t), units=2)
  error: mse(y, target)
outputs: [y]
loss: error
)";

std::string read_sunspots() {
  std::ifstream file(TAPELOOP_SOURCE_DIR "/models/systems/sunspots.yaml");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::shared_ptr<const Plan> compiled(const char* yaml, Mode mode) {
  Diagnostics diagnostics;
  auto container = read_container(yaml, "m.yaml", "", diagnostics);
  raise_errors(diagnostics);
  CompileOptions options;
  options.mode = mode;
  options.gradients = mode == Mode::kTrain;
  return std::make_shared<const Plan>(Model(std::move(*container)).compile(options).plan);
}

template <class T>
Trainer<T> trainer_of(const char* yaml, TrainSpec spec, std::uint64_t seed = 1) {
  return Trainer<T>(compiled(yaml, Mode::kTrain), compiled(yaml, Mode::kEval), std::move(spec), seed);
}

TrainSpec sgd(double lr) {
  TrainSpec spec;
  spec.optimizer = {"sgd", {{"lr", lr}}};
  return spec;
}

Batch<double> line_batch() {
  Batch<double> batch;
  batch.rows = 2;
  batch.inputs["x"] = {{2, 2, 1}, {1, 2, 3, -99}};
  batch.inputs["target"] = {{2, 2, 1}, {2, 4, 6, -99}};
  batch.lengths["t"] = {2, 1};
  return batch;
}

// At w = b = 0: loss (4 + 16 + 36) / 3; dw = -2 (2 + 8 + 18) / 3; db = -2 (2 + 4 + 6) / 3.
TEST(Trainer, OneStepByHand) {
  auto trainer = trainer_of<double>(kLine, sgd(0.1));
  const StepResult result = trainer.step(line_batch());
  EXPECT_NEAR(result.loss, 56.0 / 3, 1e-12);
  EXPECT_NEAR(result.gradient_norm, std::hypot(56.0 / 3, 8.0), 1e-12);
  EXPECT_NEAR(trainer.parameters().get("w").data[0], 5.6 / 3, 1e-12);
  EXPECT_NEAR(trainer.parameters().get("b").data[0], 0.8, 1e-12);
}

TEST(Trainer, ClipsValuesThenTheNorm) {
  TrainSpec spec = sgd(1);
  spec.clip_value = 4;
  spec.clip_norm = 1;
  auto trainer = trainer_of<double>(kLine, spec);
  trainer.step(line_batch());
  EXPECT_NEAR(trainer.parameters().get("w").data[0], std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(trainer.parameters().get("b").data[0], std::sqrt(0.5), 1e-12);
}

TEST(Trainer, TheScheduleChangesTheRate) {
  TrainSpec spec = sgd(0.1);
  spec.schedule.rule = Schedule::Rule::kSteps;
  spec.schedule.factor = 0.5;
  auto trainer = trainer_of<double>(kLine, spec);
  trainer.step(line_batch());
  const double first = trainer.parameters().get("b").data[0];
  EXPECT_EQ(trainer.optimizer().learning_rate, 0.1);
  trainer.step(line_batch());
  EXPECT_EQ(trainer.optimizer().learning_rate, 0.05);
  EXPECT_NE(trainer.parameters().get("b").data[0], first);
}

// Whatever the rule, weight decay too: a factor of 0 leaves a parameter to the bit, 0.5 goes half the way.
TEST(Trainer, ParametersMayHaveRatesOfTheirOwn) {
  for (const char* rule : {"sgd", "adamw", "rmsprop"}) {
    TrainSpec spec;
    spec.optimizer = {rule, {{"lr", 0.1}}};
    auto plain = trainer_of<double>(kRecurrent, spec);
    spec.rates = {{{"z.linear.*", {}}, 0}, {{"*.linear.h_tm1", {}}, 0.5}};
    auto slowed = trainer_of<double>(kRecurrent, spec);
    const Parameters<double> before = plain.parameters();
    Batch<double> batch;
    batch.rows = 1;
    batch.lengths["t"] = {2};
    batch.inputs["x"] = {{1, 2, 3}, {1, -1, 2, 0.5, 1, -2}};
    batch.inputs["target"] = {{1, 2}, {1, -1}};
    plain.step(batch);
    slowed.step(batch);
    for (const auto& entry : before.entries()) {
      const double factor = entry.spec.name.starts_with("z.") ? 0 : entry.spec.name.ends_with("h_tm1") ? 0.5 : 1;
      const Array<double> was = before.get(entry.spec.name), full = plain.parameters().get(entry.spec.name);
      const Array<double> found = slowed.parameters().get(entry.spec.name);
      for (std::size_t k = 0; k < was.data.size(); ++k) {
        EXPECT_NEAR(found.data[k], was.data[k] + factor * (full.data[k] - was.data[k]), factor == 0 ? 0 : 1e-12)
            << rule << " " << entry.spec.name;
      }
    }
  }
}

TEST(Trainer, FindsALine) {
  auto trainer = trainer_of<double>(kLine, sgd(0.1));
  for (int i = 0; i < 2000; ++i) trainer.step(line_batch());
  EXPECT_NEAR(trainer.parameters().get("w").data[0], 2, 1e-6);
  EXPECT_NEAR(trainer.parameters().get("b").data[0], 0, 1e-6);
}

TEST(Trainer, LearnsTheSameInChunks) {
  Diagnostics diagnostics;
  const auto container = read_container(kRecurrent, "m.yaml", "", diagnostics);
  const ChunkPlans chunks = compile_chunks(Model(*container), {}, false, diagnostics);
  raise_errors(diagnostics);
  TrainSpec spec = sgd(0.1);
  auto whole = trainer_of<double>(kRecurrent, spec);
  spec.checkpoint = Checkpoint{2, {}};
  Trainer<double> chunked(compiled(kRecurrent, Mode::kTrain), compiled(kRecurrent, Mode::kEval), spec, 1, chunks);
  Batch<double> batch;
  batch.rows = 2;
  batch.lengths["t"] = {5, 3};
  batch.inputs["x"] = {{2, 5, 3}, {}};
  for (int k = 0; k < 30; ++k) batch.inputs["x"].data.push_back(std::sin(0.9 * k));
  batch.inputs["target"] = {{2, 2}, {0.3, -0.2, 0.5, 0.1}};
  for (int step = 0; step < 5; ++step) EXPECT_NEAR(whole.step(batch).loss, chunked.step(batch).loss, 1e-12);
  for (std::size_t k = 0; k < whole.parameters().block().size(); ++k) {
    EXPECT_NEAR(whole.parameters().block()[k], chunked.parameters().block()[k], 1e-12);
  }
}

TEST(Training, ChunksOfASizeNeedAModelThatCanBeCut) {
  const auto with = [](const std::string& checkpoint) { return "train.memory.checkpoint=" + checkpoint; };
  EXPECT_NO_THROW(Training(Model::load("sunspots", {with("5")})));
  const std::string text = read_sunspots();
  const std::string reading_ahead = std::regex_replace(text, std::regex("n: tanh\\(linear\\(x"), "n: tanh(linear(x_tp1");
  ASSERT_NE(reading_ahead, text);
  const auto model = [](const std::string& yaml, const std::string& value) {
    Diagnostics diagnostics;
    const auto container = read_container(yaml, "m.yaml", "", diagnostics);
    raise_errors(diagnostics);
    return Model(*container, {value});
  };
  EXPECT_NO_THROW(Training(model(reading_ahead, with("auto"))));
  EXPECT_NO_THROW(Training(model(reading_ahead, with("5"))));  // its scan can
  const std::string without_scan = std::regex_replace(reading_ahead, std::regex("h_tm1"), "x_tm1");
  EXPECT_NO_THROW(Training(model(without_scan, with("auto"))));
  try {
    Training(model(without_scan, with("5")));
    FAIL();
  } catch (const ModelError& error) {
    EXPECT_THAT(error.what(), HasSubstr("E0610"));
    EXPECT_THAT(error.what(), HasSubstr("'x_tp1' reads the future"));
  }
}

TEST(Trainer, WhatIsNotFiniteIsNamedAndChangesNothing) {
  auto trainer = trainer_of<double>(kLine, sgd(0.1));
  Batch<double> batch = line_batch();
  batch.inputs["target"].data[0] = std::numeric_limits<double>::infinity();
  try {
    trainer.step(batch);
    FAIL();
  } catch (const ModelError& error) {
    EXPECT_THAT(error.what(), HasSubstr("E0815"));
    EXPECT_THAT(error.what(), HasSubstr("in training step 1 the loss is inf"));
  }
  EXPECT_EQ(trainer.parameters().get("w").data[0], 0);
}

Batch<float> ragged_batch(const std::vector<std::int32_t>& lengths) {
  std::int32_t longest = 0;
  for (const std::int32_t length : lengths) longest = std::max(longest, length);
  const auto rows = static_cast<std::int64_t>(lengths.size());
  Batch<float> batch;
  batch.rows = rows;
  batch.inputs["x"] = {{rows, longest, 3}, std::vector<float>(lengths.size() * static_cast<std::size_t>(longest) * 3, 0.3F)};
  batch.inputs["target"] = {{rows, 2}, std::vector<float>(lengths.size() * 2, 0.5F)};
  batch.lengths["t"] = lengths;
  return batch;
}

TEST(Trainer, AllocatesNothingOnceTheLargestExtentsHaveBeenSeen) {
  if (!AllocationCount::works()) GTEST_SKIP() << "the allocator cannot be watched here";
  TrainSpec spec;
  spec.clip_norm = 1;
  spec.clip_value = 5;
  auto trainer = trainer_of<float>(kRecurrent, spec);
  const std::vector<Batch<float>> batches{
      ragged_batch({7, 7, 7, 7, 7, 7}), ragged_batch({3, 0, 7, 5, 1, 2}), ragged_batch({6, 4}), ragged_batch({1}),
      ragged_batch({0, 0, 0}),          ragged_batch({2, 3, 4, 5, 6})};
  trainer.step(batches[0]);
  for (const Batch<float>& batch : batches) {
    const AllocationCount allocations;
    trainer.step(batch);
    EXPECT_EQ(allocations.all(), 0) << batch.rows << " rows";
  }
}

TEST(Trainer, TheSameSeedGivesTheSameBits) {
  std::vector<float> first;
  for (int repeat = 0; repeat < 2; ++repeat) {
    auto trainer = trainer_of<float>(kRecurrent, {}, 5);
    for (int i = 0; i < 3; ++i) trainer.step(ragged_batch({3, 1, 4}));
    const auto block = trainer.parameters().block();
    if (repeat == 0) first.assign(block.begin(), block.end());
    EXPECT_TRUE(std::equal(first.begin(), first.end(), block.begin()));
  }
}

Training sunspots(std::vector<std::string> key_values) { return Training(Model::load("sunspots", key_values)); }

// All epochs are gone through; what was best on the validation split is what the training ends with.
TEST(Fit, TheBestParametersAreKeptWithoutEarlyStopping) {
  std::string text;
  for (const BuiltInModel& model : built_in_models()) {
    if (model.name == "sunspots") text = model.yaml;
  }
  const auto line = text.find("  early_stopping:");
  ASSERT_NE(line, std::string::npos);
  text.erase(line, text.find('\n', line) + 1 - line);
  Diagnostics diagnostics;
  const Model model(*read_container(text, "sunspots.yaml", "", diagnostics),
                    {"train.epochs=40", "train.optimizer.lr=0.05", "train.average=0"});
  const Training training(model);
  auto trainer = training.trainer(1);
  const FitResult<float> result = trainer.fit(training.data());
  ASSERT_EQ(result.history.size(), 40U);
  ASSERT_LT(result.best_epoch, 40);
  EXPECT_NEAR(trainer.evaluate(training.data(), Split::kValidation).front().second, result.best_loss, 1e-6);
}

TEST(Fit, EarlyStoppingPutsTheBestParametersBack) {
  const Training training = sunspots({"train.epochs=40", "train.early_stopping.patience=3", "train.optimizer.lr=0.05", "train.average=0"});
  auto trainer = training.trainer(1);
  const FitResult<float> result = trainer.fit(training.data());
  ASSERT_GT(result.best_epoch, 0);
  EXPECT_NEAR(trainer.evaluate(training.data(), Split::kValidation).front().second, result.best_loss, 1e-6);
  for (const HistoryRow& row : result.history) EXPECT_GE(row.validation.front().second, result.best_loss - 1e-12);
  ASSERT_TRUE(result.stopped_early);
  EXPECT_EQ(static_cast<std::int64_t>(result.history.size()), result.best_epoch + 3);
}

TEST(Fit, AnAverageIsTheMeanOverTheSteps) {
  const Training training = sunspots({"train.epochs=1", "train.average=0.9999"});
  auto trainer = training.trainer(1);
  std::vector<double> sum(trainer.parameters().block().size());
  double steps = 0;
  Callbacks callbacks;
  callbacks.batch = [&](const Progress&) {
    const std::span<const float> now = std::as_const(trainer).parameters().block();
    for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += now[k];
    ++steps;
    return true;
  };
  const FitResult<float> result = trainer.fit(training.data(), callbacks);
  ASSERT_GT(steps, 2);
  const std::span<const float> kept = std::as_const(trainer).parameters().block();
  double furthest_from_last = 0;
  for (std::size_t k = 0; k < sum.size(); ++k) {
    EXPECT_NEAR(kept[k], sum[k] / steps, 1e-5);
    furthest_from_last = std::max(furthest_from_last, std::abs(double{kept[k]} - double{result.last.block()[k]}));
  }
  EXPECT_GT(furthest_from_last, 1e-3);
}

// Batches of other sizes, too: each counts by its positions, so the steps are those of large batches.
TEST(Fit, AccumulatedBatchesMakeTheStepsOfLargeOnes) {
  const auto fitted = [](const std::vector<std::string>& overrides) {
    std::vector<std::string> all{"train.epochs=3", "train.shuffle=false", "train.optimizer.name=sgd", "train.optimizer.lr=0.1",
                                 "train.average=0"};
    all.insert(all.end(), overrides.begin(), overrides.end());
    const Training training = sunspots(all);
    auto trainer = training.trainer(1);
    trainer.fit(training.data());
    const std::span<const float> block = std::as_const(trainer.parameters()).block();
    return std::make_pair(std::vector<float>(block.begin(), block.end()), trainer.steps());
  };
  const auto [large, large_steps] = fitted({"train.batch=60"});
  const auto [small, small_steps] = fitted({"train.batch=20", "train.accumulate=3"});
  EXPECT_EQ(small_steps, large_steps);
  ASSERT_EQ(small.size(), large.size());
  for (std::size_t k = 0; k < large.size(); ++k) EXPECT_NEAR(small[k], large[k], 1e-5);
}

TEST(Fit, OnlyALossThatIsOneMeanIsAccumulated) {
  std::string text = read_sunspots();
  const std::size_t at = text.find("\nloss: error");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 12, "\nloss: {sum: error}");
  Diagnostics diagnostics;
  auto container = read_container(text, "sunspots.yaml", TAPELOOP_SOURCE_DIR "/models/systems", diagnostics);
  raise_errors(diagnostics);
  check_training(Model(std::move(*container), {"train.accumulate=2"}), diagnostics);
  ASSERT_EQ(diagnostics.errors(), 1U);
  EXPECT_THAT(diagnostics.sorted().front().message, HasSubstr("one mean"));
}

TEST(Fit, ARateForAParameterThatIsNotThereIsAMistake) {
  try {
    sunspots({"train.rates.wrong*=0"});
    FAIL() << "it was accepted";
  } catch (const ModelError& error) {
    EXPECT_THAT(error.what(), HasSubstr("no parameter's name fits 'wrong*'"));
  }
}

TEST(Fit, LearnsSunspotsBetterThanPersistence) {
  const Training training = sunspots({"train.epochs=60"});
  auto trainer = training.trainer(1);
  trainer.fit(training.data());
  const NamedNumbers test = trainer.evaluate(training.data(), Split::kTest);
  ASSERT_EQ(test.back().first, "arv");
  EXPECT_LT(test.back().second, 0.25);  // persistence has 0.416
}

TEST(Fit, AShortLastBatchCountsByItsRows) {
  const Training training = sunspots({"train.epochs=1", "train.batch=7", "train.optimizer.lr=0"});
  auto trainer = training.trainer(1);
  const FitResult<float> result = trainer.fit(training.data());
  EXPECT_NEAR(result.history[0].train_loss, trainer.evaluate(training.data(), Split::kTrain).front().second, 1e-5);
}

TEST(Fit, ACallbackMayStop) {
  const Training training = sunspots({"train.epochs=50"});
  auto trainer = training.trainer(1);
  const FitResult<float> result = trainer.fit(training.data(), {nullptr, [](const HistoryRow& row) { return row.epoch < 3; }});
  EXPECT_TRUE(result.interrupted);
  EXPECT_EQ(result.history.size(), 3U);
}

// Examples of 1 to 7 positions; remembers which stood in a batch.
class Remembering : public Dataset {
 public:
  std::size_t examples(Split split) const override { return split == Split::kTrain ? 70 : 0; }
  std::size_t length(Split, std::uint32_t number, const std::string&) const override { return number % 7 + 1; }
  void fill(Split, std::span<const std::uint32_t>, Batch<float>&) const override {}
  void fill(Split, std::span<const std::uint32_t> numbers, Batch<double>& batch) const override {
    batches.emplace_back(numbers.begin(), numbers.end());
    batch = line_batch();
  }
  Targets targets(Split, std::span<const std::uint32_t>, std::size_t) const override { return {}; }
  double original(std::size_t, std::size_t, double value) const override { return value; }
  std::optional<Place> find_misfit(std::size_t, const std::function<bool(double)>&) const override { return {}; }

  mutable std::vector<std::vector<std::uint32_t>> batches;
};

std::vector<std::vector<std::uint32_t>> batches_of(TrainSpec spec, std::uint64_t seed) {
  spec.batch = 5;
  spec.epochs = 2;
  const Remembering data;
  trainer_of<double>(kLine, std::move(spec), seed).fit(data);
  return data.batches;
}

TEST(Trainer, ABucketHasExamplesOfOneLengthInAnOrderOfItsOwn) {
  TrainSpec spec = sgd(0.01);
  spec.bucket.name = "t";
  const auto batches = batches_of(spec, 1);
  ASSERT_EQ(batches.size(), 28U);
  std::vector<std::uint32_t> lengths;  // of the first of each batch
  for (const std::vector<std::uint32_t>& batch : batches) {
    for (const std::uint32_t number : batch) EXPECT_EQ(number % 7, batch[0] % 7);
    lengths.push_back(batch[0] % 7);
  }
  EXPECT_FALSE(std::is_sorted(lengths.begin(), lengths.begin() + 14));
  for (const std::size_t first : {0U, 14U}) {  // each epoch goes through all
    std::vector<std::uint32_t> seen;
    for (std::size_t k = first; k < first + 14; ++k) seen.insert(seen.end(), batches[k].begin(), batches[k].end());
    std::sort(seen.begin(), seen.end());
    for (std::uint32_t k = 0; k < 70; ++k) EXPECT_EQ(seen[k], k);
  }
  EXPECT_EQ(batches, batches_of(spec, 1));
  EXPECT_NE(batches, batches_of(spec, 2));
  EXPECT_NE(batches_of(sgd(0.01), 1), batches);
}

}  // namespace
}  // namespace tapeloop
