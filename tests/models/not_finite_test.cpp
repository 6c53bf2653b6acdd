// Numbers that are not finite: found in the step where they appear, with their place.
#include "models/facade/not_finite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "models/facade/train.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// h grows from step to step until exp is too much for a float; from there on all is.
constexpr const char* kGrowing =
    "tapeloop: 1\n"
    "inputs: {x: {shape: [1]}}\n"
    "parameters: {w: {shape: [1], init: zeros}}\n"
    "nodes:\n"
    "  y: h * 2\n"
    "  h: grown + w\n"
    "  grown: exp(h_tm1) + x\n"
    "  mean_y: mean(y, along=t)\n"
    "  error: sum(mean_y, along=shape)\n"
    "outputs: [y]\n"
    "loss: error\n";

Batch<float> series() {
  Batch<float> batch;
  batch.rows = 2;
  batch.lengths["t"] = {3, 8};
  batch.inputs["x"] = {{2, 8, 1}, std::vector<float>(16, 0.5F)};
  batch.example_ids = {40, 41};
  return batch;
}

std::string found_in(const Batch<float>& batch, float w = 0) {
  const Model model = testing::model_of(kGrowing);
  CompileOptions options;
  options.mode = Mode::kTrain;
  Parameters<float> parameters(model.compile(options).plan);
  parameters.set("w", {{1}, {w}});
  const std::optional<NotFinite> found = find_not_finite(model, options, parameters, batch, 1);
  return found ? text(*found) : "";
}

TEST(NotFinite, IsTheFirstValueWhoseOperandsAreFinite) {
  // h: 1.5, 4.98, 146.2, then exp(146.2) in float
  EXPECT_THAT(found_in(series()), AllOf(HasSubstr("'grown' ("), HasSubstr("is inf at t=3 of example 41")));
}

TEST(NotFinite, MayComeFromTheData) {
  Batch<float> batch = series();
  batch.inputs["x"].data[1] = std::nanf("");
  EXPECT_THAT(found_in(batch), AllOf(HasSubstr("'x' ("), HasSubstr("is nan at t=1 of example 40")));
  batch.inputs["x"].data[1] = 0.5F;
  batch.inputs["x"].data[5] = std::nanf("");  // past the end of example 40, which never sees it
  EXPECT_THAT(found_in(batch), HasSubstr("'grown'"));
}

TEST(NotFinite, MayBeAParameter) { EXPECT_THAT(found_in(series(), INFINITY), AllOf(HasSubstr("'w' ("), HasSubstr(") is inf"))); }

TEST(NotFinite, IsNowhereWhereAllIsFinite) {
  Batch<float> batch = series();
  batch.lengths["t"] = {3, 3};
  EXPECT_EQ(found_in(batch), "");
}

std::string sunspots_model(const std::string& loss, const std::string& train) {
  return "tapeloop: 1\ninputs: {x: {shape: [1]}, target: {axes: [], shape: [1]}}\nnodes:\n  h: tanh(linear(x, h_tm1, units=3))\n"
         "  y: linear(last(h, along=t), units=1)\n  error: " +
         loss +
         "\noutputs: [y]\nloss: error\ntrain:\n  data:\n    file: sunspots.csv\n    window: 4\n"
         "    inputs: {x: {columns: [sunspots]}, target: {columns: [sunspots], at: next}}\n"
         "    split: {column: year, train: [1712, 1901]}\n  batch: 32\n  epochs: 2\n  optimizer: {name: sgd, lr: 0}\n" +
         train;
}

// Years without a spot have a target of 0: its logarithm is the loss.
TEST(NotFinite, EndsATrainingWithItsPlace) {
  const Training training(testing::model_of(sunspots_model("mse(y, log(target))", "")));
  Trainer<float> trainer = training.trainer(1);
  try {
    trainer.fit(training.data());
    FAIL();
  } catch (const ModelError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("E0815"), HasSubstr("the loss is inf: 'error' ("), HasSubstr("is inf of example ")));
    EXPECT_THAT(error.what(), HasSubstr("train.on_nonfinite: skip"));
  }
}

TEST(NotFinite, MayBeSkipped) {
  const Training training(testing::model_of(sunspots_model("mse(y, log(target))", "  on_nonfinite: skip\n")));
  Trainer<float> trainer = training.trainer(1);
  std::vector<std::string> notes;
  Callbacks callbacks;
  callbacks.note = [&](const std::string& note) { notes.push_back(note); };
  const FitResult<float> fitted = trainer.fit(training.data(), callbacks);
  ASSERT_FALSE(notes.empty());
  EXPECT_THAT(notes.front(), AllOf(HasSubstr("'error' ("), HasSubstr("the step is left out")));
  EXPECT_GT(trainer.steps(), 0);
  EXPECT_LT(trainer.steps(), 12);
  for (const HistoryRow& row : fitted.history) EXPECT_TRUE(std::isfinite(row.train_loss));
}

// Of the batches that make a step only those that are not finite are left out, and the message is about their own numbers.
TEST(NotFinite, OfBatchesThatMakeOneStepTheBadOnesAreLeftOut) {
  const std::string model = sunspots_model("mse(y, log(target))", "  accumulate: 3\n  on_nonfinite: skip\n");
  const Training training(testing::model_of(model));
  Trainer<float> trainer = training.trainer(1);
  std::vector<std::string> notes;
  Callbacks callbacks;
  callbacks.note = [&](const std::string& note) { notes.push_back(note); };
  const FitResult<float> fitted = trainer.fit(training.data(), callbacks);
  ASSERT_GT(fitted.left_out, 0);
  EXPECT_EQ(trainer.steps(), 4);  // of six batches an epoch: none of the steps is lost
  ASSERT_EQ(notes.size(), static_cast<std::size_t>(fitted.left_out) + 1);
  for (std::size_t k = 0; k + 1 < notes.size(); ++k)
    EXPECT_THAT(notes[k], AllOf(HasSubstr("'error' ("), HasSubstr("the batch is left out")));
  EXPECT_THAT(notes.back(), HasSubstr("in all " + std::to_string(fitted.left_out) + " batch"));

  const Training strict(testing::model_of(sunspots_model("mse(y, log(target))", "  accumulate: 6\n")));
  try {
    strict.trainer(1).fit(strict.data());
    FAIL();
  } catch (const ModelError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("E0815"), HasSubstr("'error' ("), HasSubstr("of example ")));
  }
}

TEST(NotFinite, AnEpochWithoutAStepHasNoLoss) {
  const Training training(testing::model_of(sunspots_model("mse(y, log(target * 0))", "  on_nonfinite: skip\n")));
  Trainer<float> trainer = training.trainer(1);
  const FitResult<float> fitted = trainer.fit(training.data());
  EXPECT_EQ(trainer.steps(), 0);
  EXPECT_TRUE(std::isnan(fitted.history.front().train_loss));
  EXPECT_EQ(fitted.best_epoch, 0);
}

// An infinite gradient is found although clipping by value would make it finite: the square root at 0.
TEST(NotFinite, IsNotHiddenByClipping) {
  for (const char* clip : {"", "  clip: {value: 1}\n"}) {
    const Training training(testing::model_of(sunspots_model("sum(sqrt(abs(y * 0)), along=shape)", clip)));
    Trainer<float> trainer = training.trainer(1);
    try {
      trainer.fit(training.data());
      FAIL() << clip;
    } catch (const ModelError& error) {
      EXPECT_THAT(error.what(), HasSubstr("the loss is finite, but the gradient of ")) << clip;
    }
  }
}

}  // namespace
}  // namespace tapeloop
