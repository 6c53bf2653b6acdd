// A training that is stopped and goes on elsewhere, against the same training in one piece: every bit of weights and history.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/frontend/container_reader.h"
#include "models/facade/train.h"
#include "runtime/training/atomic_file.h"

namespace tapeloop {
namespace {

using testing::HasSubstr;

// Dropout, shuffled windows, adam with a schedule, a mean of the parameters, early stopping.
constexpr const char* kWindows = R"(tapeloop: 1
inputs: {x: {shape: [1]}, target: {axes: [], shape: [1]}}
nodes:
  h: gru(x, units=5)
  y: linear(dropout(last(h, along=t), rate=0.3), units=1)
  error: mse(y, target)
outputs: [y]
loss: error
train:
  data:
    file: sunspots.csv
    window: 6
    scale: {sunspots: [sqrt, standard]}
    inputs: {x: {columns: [sunspots]}, target: {columns: [sunspots], at: next}}
    split: {column: year, train: [1712, 1901], validation: [1902, 1920]}
  batch: 40
  epochs: 4
  optimizer: {name: adam, lr: 0.01}
  schedule: {rule: cosine, over: 15, warmup: 3}
  clip: {norm: 1}
  average: 0.9
  early_stopping: {patience: 3}
  metrics: {output: y, target: target, report: [mse, mae]}
)";

// One series, cut into parts with a state that is handed on.
constexpr const char* kSeries = R"(tapeloop: 1
inputs: {x: {shape: [1]}}
nodes:
  h: gru(x, units=4)
  y: linear(dropout(h, rate=0.2), units=1)
  error: mse(y_tm1, x)
outputs: [y]
loss: error
train:
  data:
    file: sunspots.csv
    scale: {sunspots: [sqrt, standard]}
    inputs: {x: {columns: [sunspots]}}
    split: {column: year, train: [1700, 1901], test: [1921, 1955]}
  optimizer: {name: rmsprop, lr: 0.01, momentum: 0.5}
  epochs: 3
  truncate: {every: 20, back: 30}
)";

Training training_of(const std::string& yaml, const std::vector<std::string>& key_values = {}) {
  Diagnostics diagnostics;
  const auto container = read_container(yaml, "m.yaml", "", diagnostics);
  raise_errors(diagnostics);
  return Training(Model(*container, key_values));
}

struct Ran {
  std::vector<float> kept, last;  // the parameters that are there at the end, and those of the last step
  std::vector<HistoryRow> history;
  std::int64_t pauses = 0;  // that the batch callback was asked in
  std::string checkpoint;
};

// Goes on from `from` unless it is empty, and stops when it has been asked `stop` times; 0: never.
Ran run(const Training& training, const std::string& from, std::int64_t stop) {
  Trainer<float> trainer = training.trainer(7);
  if (!from.empty()) trainer.restore(decode_safetensors(from, "kept"), "kept");
  Ran ran;
  Callbacks callbacks;
  callbacks.batch = [&](const Progress&) { return ++ran.pauses != stop; };
  callbacks.checkpoint = [&] { ran.checkpoint = encode_safetensors(trainer.checkpoint()); };
  const FitResult<float> fitted = trainer.fit(training.data(), callbacks);
  EXPECT_EQ(fitted.interrupted, stop != 0);
  const std::span<const float> kept = std::as_const(trainer).parameters().block(), last = fitted.last.block();
  ran.kept.assign(kept.begin(), kept.end());
  ran.last.assign(last.begin(), last.end());
  ran.history = fitted.history;
  return ran;
}

void expect_same_history(const std::vector<HistoryRow>& found, const std::vector<HistoryRow>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t k = 0; k < found.size(); ++k) {
    EXPECT_EQ(found[k].epoch, expected[k].epoch);
    EXPECT_EQ(found[k].steps, expected[k].steps);
    EXPECT_EQ(found[k].train_loss, expected[k].train_loss);
    EXPECT_EQ(found[k].gradient_norm, expected[k].gradient_norm);
    EXPECT_EQ(found[k].validation, expected[k].validation);
    EXPECT_EQ(found[k].best, expected[k].best);
  }
}

// Stopped after every step there is, one training each.
void expect_same_wherever_stopped(const std::string& yaml, const std::vector<std::string>& key_values = {}) {
  const Training training = training_of(yaml, key_values);
  const Ran whole = run(training, "", 0);
  ASSERT_GT(whole.pauses, 8);
  for (std::int64_t stop = 1; stop <= whole.pauses; ++stop) {
    const Ran first = run(training, "", stop);
    const Ran second = run(training, first.checkpoint, 0);
    EXPECT_EQ(second.pauses, whole.pauses - stop);
    EXPECT_EQ(second.kept, whole.kept) << "stopped after " << stop;
    EXPECT_EQ(second.last, whole.last) << "stopped after " << stop;
    expect_same_history(second.history, whole.history);
  }
}

TEST(Checkpoint, OfWindowsGoesOnToTheSameBits) { expect_same_wherever_stopped(kWindows); }
TEST(Checkpoint, OfBatchesThatMakeNoStepYetGoesOnToTheSameBits) {
  expect_same_wherever_stopped(kWindows, {"train.accumulate=3", "train.batch=16", "train.optimizer.name=adamw"});
}
TEST(Checkpoint, OfAStateThatIsHandedOnGoesOnToTheSameBits) { expect_same_wherever_stopped(kSeries); }
TEST(Checkpoint, OfBucketsGoesOnToTheSameBits) {
  expect_same_wherever_stopped(kWindows, {"train.batch={examples: 40, bucket: t}", "train.optimizer.name=sgd"});
}

TEST(Checkpoint, HasAStateOnlyInTheMiddleOfABatch) {
  const Training training = training_of(kSeries);
  const auto has_state = [&](std::int64_t stop) { return run(training, "", stop).checkpoint.find("\"state/") != std::string::npos; };
  EXPECT_TRUE(has_state(1));
  EXPECT_FALSE(has_state(run(training, "", 0).pauses));
}

// What was trained to its end may be trained on.
TEST(Checkpoint, OfTheEndGoesOnWithMoreEpochs) {
  const Ran whole = run(training_of(kWindows, {"train.epochs=5"}), "", 0);
  const Ran first = run(training_of(kWindows, {"train.epochs=3"}), "", 0);
  const Ran second = run(training_of(kWindows, {"train.epochs=5"}), first.checkpoint, 0);
  EXPECT_EQ(second.kept, whole.kept);
  expect_same_history(second.history, whole.history);
  EXPECT_EQ(run(training_of(kWindows, {"train.epochs=3"}), first.checkpoint, 0).kept, first.kept);
}

TEST(Checkpoint, IsMadeAsOftenAsAsked) {
  const auto count = [](const std::vector<std::string>& key_values) {
    const Training training = training_of(kWindows, key_values);
    Trainer<float> trainer = training.trainer(1);
    std::vector<std::int64_t> steps;
    Callbacks callbacks;
    callbacks.checkpoint = [&] { steps.push_back(trainer.steps()); };
    trainer.fit(training.data(), callbacks);
    return steps;
  };
  using testing::ElementsAre;
  EXPECT_THAT(count({}), ElementsAre(20));
  EXPECT_THAT(count({"train.checkpoint.steps=7"}), ElementsAre(7, 14, 20));
  EXPECT_THAT(count({"train.checkpoint.epochs=2"}), ElementsAre(10, 20, 20));
  EXPECT_EQ(count({"train.checkpoint.seconds=1e-9"}).size(), 21U);
}

// The file with one array changed.
template <class V>
std::string with(const std::string& checkpoint, const std::string& name, const std::vector<V>& values) {
  TensorFile file = decode_safetensors(checkpoint, "kept");
  for (Tensor& tensor : file.tensors) {
    if (tensor.name == name) tensor = make_tensor<V>(name, {static_cast<std::int64_t>(values.size())}, values);
  }
  return encode_safetensors(file);
}

std::string problem(const Training& training, const std::string& checkpoint) {
  try {
    Trainer<float> trainer = training.trainer(7);
    trainer.restore(decode_safetensors(checkpoint, "kept"), "kept");
  } catch (const FileError& error) {
    return error.what();
  }
  return "";
}

TEST(Checkpoint, IsReadStrictly) {
  const Training training = training_of(kWindows);
  const std::string good = run(training, "", 7).checkpoint;
  EXPECT_EQ(problem(training, good), "");
  EXPECT_THAT(problem(training, with<std::int64_t>(good, "fit/epoch", {0})), HasSubstr("E0908"));
  EXPECT_THAT(problem(training, with<std::int64_t>(good, "fit/batch", {-1})), HasSubstr("'fit/batch' is out of its range"));
  EXPECT_THAT(problem(training, with<std::int64_t>(good, "opt/steps", {std::int64_t{1} << 62})),
              HasSubstr("'opt/steps' is out of its range"));
  EXPECT_THAT(problem(training, with<double>(good, "fit/seconds", {std::nan("")})), HasSubstr("'fit/seconds' is out of its range"));
  EXPECT_THAT(problem(training, with<double>(good, "fit/batch", {1})), HasSubstr("should be 1 numbers of dtype I64"));
  EXPECT_THAT(problem(training, with<std::int64_t>(good, "fit/epoch", {5})), HasSubstr("'history/best' should be 4 numbers"));
  EXPECT_THAT(problem(training, with<std::int64_t>(good, "fit/waiting", {1})), HasSubstr("in the middle of a step"));
  EXPECT_THAT(problem(training, with<float>(good, "best/y.linear.bias", {1, 2})), HasSubstr("E0906"));
  EXPECT_THAT(problem(training_of(kSeries), good), HasSubstr("E0906"));
  TensorFile weights;
  training.trainer(7).parameters().append_to(weights);
  EXPECT_THAT(problem(training, encode_safetensors(weights)), HasSubstr("'fit/epoch' is missing"));
}

TEST(Checkpoint, OfAPartWithoutItsStateIsRefused) {
  const Training training = training_of(kSeries);
  TensorFile file = decode_safetensors(run(training, "", 3).checkpoint, "kept");
  std::erase_if(file.tensors, [](const Tensor& tensor) { return tensor.name.starts_with("state/"); });
  EXPECT_THAT(problem(training, encode_safetensors(file)), HasSubstr("hands on, is missing"));
}

}  // namespace
}  // namespace tapeloop
