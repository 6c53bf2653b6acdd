#include "runtime/training/scheduled_inputs.h"

#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>

#include "compiler/frontend/yaml_reader.h"
#include "models/facade/train.h"

namespace tapeloop {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<ScheduledInput> read(const std::string& text, Diagnostics& diagnostics) {
  DataSpec data;
  data.inputs.emplace_back().input.name = "x";
  return read_scheduled_inputs(*read_yaml(text, std::make_shared<const std::string>("m.yaml"), diagnostics), data, diagnostics);
}

TEST(ScheduledInputs, GoFromTheFirstToTheLast) {
  Diagnostics diagnostics;
  const auto inputs = read(
      "beta: {rule: linear, first: 1, last: 3, after: 10, over: 4}\n"
      "gamma: {rule: cosine, first: 0, last: -1, over: 2}\n"
      "rate: 0.25\n",
      diagnostics);
  ASSERT_FALSE(diagnostics.has_errors());
  ASSERT_EQ(inputs.size(), 3U);
  for (const auto& [step, value] : {std::pair{0, 1.0}, {10, 1.0}, {11, 1.5}, {13, 2.5}, {14, 3.0}, {1000, 3.0}}) {
    EXPECT_EQ(inputs[0].at(step), value) << step;
  }
  EXPECT_EQ(inputs[1].at(0), 0);
  EXPECT_NEAR(inputs[1].at(1), -0.5, 1e-15);
  EXPECT_EQ(inputs[1].at(2), -1);
  EXPECT_EQ(inputs[2].at(0), 0.25);
  EXPECT_EQ(inputs[2].at(7), 0.25);
}

TEST(ScheduledInputs, EachMistakeHasItsCodeAtItsPlace) {
  const std::vector<std::pair<const char*, const char*>> mistakes{
      {"b: {first: 0, last: 1, over: 3}", "m.yaml:1:4 E0804"},
      {"b: {rule: linear, last: 1, over: 3}", "m.yaml:1:4 E0804"},
      {"b: {rule: linear, first: 0, over: 3}", "m.yaml:1:4 E0804"},
      {"b: {rule: linear, first: 0, last: 1}", "m.yaml:1:4 E0804"},
      {"b: {rule: quadratic, first: 0, last: 1, over: 3}", "m.yaml:1:11 E0805"},
      {"b: {rule: linear, first: 0, last: inf, over: 3}", "m.yaml:1:35 E0803"},
      {"b: {rule: linear, first: 0, last: 1, over: 0}", "m.yaml:1:44 E0803"},
      {"b: {rule: linear, first: 0, last: 1, over: 3, after: -1}", "m.yaml:1:54 E0803"},
      {"b: {rule: linear, first: 0, last: 1, over: 3, warmup: 1}", "m.yaml:1:47 E0801"},
      {"b: fast", "m.yaml:1:4 E0803"},
      {"b: nan", "m.yaml:1:4 E0803"},
      {"b: [1]", "m.yaml:1:4 E0802"},
      {"x: 1", "m.yaml:1:1 E0808"},
      {"[b]", "m.yaml:1:1 E0802"},
  };
  for (const auto& [text, problem] : mistakes) {
    Diagnostics diagnostics;
    read(text, diagnostics);
    std::vector<std::string> found;
    for (const Diagnostic& d : diagnostics.sorted()) found.push_back(d.source.text() + " " + d.code);
    EXPECT_THAT(found, ElementsAre(problem)) << text;
  }
}

// Three rows of 1, in batches of one: each step moves w by -beta, whatever the data say.
constexpr const char* kModel = R"(tapeloop: 1
inputs: {x: {axes: []}, beta: {axes: []}, whole: {axes: [], shape: [2]}}
parameters: {w: []}
nodes:
  pull: beta * w * x
  held: w + 0 * x
outputs: [held]
loss: pull
train:
  data: {file: rows.csv, examples: records, inputs: {x: {column: x}}, split: {column: x, train: 1, test: 2}}
  inputs: {beta: {rule: linear, first: 0.5, last: 2.5, after: 1, over: 2}}
  batch: 1
  epochs: 2
  optimizer: {name: sgd, lr: 1}
  metrics: [{output: pull, report: [example_sum]}, {output: held, target: x, report: [mae]}]
)";

class ScheduledTraining : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("tapeloop_scheduled_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "rows.csv") << "x\n1\n1\n1\n2\n2\n";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  Training of(std::string text, const std::string& line = "", const std::string& instead = "") {
    if (!line.empty()) text.replace(text.find(line), line.size(), instead);
    std::ofstream(folder_ / "m.yaml") << text;
    return Training(Model::load((folder_ / "m.yaml").string()));
  }
  std::string problem(const std::string& line, const std::string& instead) {
    try {
      of(without_whole(), line, instead);
    } catch (const ModelError& error) {
      return error.what();
    }
    return "";
  }
  static std::string without_whole() {
    std::string text = kModel;
    const std::string whole = ", whole: {axes: [], shape: [2]}";
    return text.erase(text.find(whole), whole.size());
  }

  std::filesystem::path folder_;
};

TEST_F(ScheduledTraining, GivesEachStepItsNumberAndEvaluationTheLast) {
  const Training training = of(without_whole());
  Trainer<float> trainer = training.trainer(1);
  trainer.fit(training.data());
  const float w = trainer.parameters().get("w").data[0];
  EXPECT_FLOAT_EQ(w, -(0.5F + 0.5F + 1.5F + 2.5F + 2.5F + 2.5F));
  const NamedNumbers test = trainer.evaluate(training.data(), Split::kTest);
  ASSERT_EQ(test.size(), 3U);
  EXPECT_EQ(test[1].first, "pull example_sum");  // an inner value
  EXPECT_FLOAT_EQ(static_cast<float>(test[1].second), 2.5F * w * 2);
  EXPECT_EQ(test[2].first, "held mae");
  EXPECT_FLOAT_EQ(static_cast<float>(test[2].second), 2 - w);
  EXPECT_FLOAT_EQ(trainer.predict(training.data(), Split::kTest, "pull").data.at(0), 2.5F * w * 2);
}

TEST_F(ScheduledTraining, FitsTheModelOrIsRefused) {
  EXPECT_EQ(problem("beta: {rule", "beta: {rule"), "");
  EXPECT_THAT(problem("  inputs: {beta: {rule", "  inputs: {bata: {rule"), HasSubstr("did you mean 'beta'?"));
  EXPECT_THAT(problem("beta: {axes: []}", "beta: {}"), HasSubstr("E0810: train.inputs.beta is one number"));
  EXPECT_THAT(problem("output: pull", "output: pul"), HasSubstr("E0810: train.metrics.output: the model has no value 'pul'"));
  EXPECT_THAT(problem("output: pull", "output: held"), HasSubstr("E0808: train.metrics: 'held' is there twice"));
  EXPECT_THAT(problem("output: pull", "output: w"), HasSubstr("depends on parameters alone"));
  EXPECT_THROW(of(kModel), ModelError);  // nothing feeds `whole`
}

}  // namespace
}  // namespace tapeloop
