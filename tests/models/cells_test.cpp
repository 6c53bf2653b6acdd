// The shipped models: every one compiles, and its plan and gradients are proven as `tapeloop verify` does it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "models/facade/built_in_models.h"
#include "models/facade/evaluate.h"
#include "models/facade/model.h"
#include "models/facade/selftest.h"
#include "models/facade/verify.h"
#include "nodes/registry.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

std::vector<std::string> names() {
  std::vector<std::string> result;
  for (const BuiltInModel& model : built_in_models()) result.emplace_back(model.name);
  return result;
}

void expect_proven(const Model& model, const std::string& what) {
  const VerifyReport report = verify_model(model);
  for (const VerifyCheck& check : report.checks) {
    EXPECT_TRUE(check.good()) << what << ": " << check.what << ": " << check.difference << " at " << check.worst;
  }
}

class ShippedModel : public ::testing::TestWithParam<std::string> {};

TEST_P(ShippedModel, IsProven) { expect_proven(Model::load(GetParam(), small_options(Model::load(GetParam()))), GetParam()); }

INSTANTIATE_TEST_SUITE_P(All, ShippedModel, ::testing::ValuesIn(names()), [](const auto& test) { return test.param; });

TEST(Selftest, ProvesEveryModelAtLeastOnceAndSaysWhereItIsWorst) {
  std::vector<std::string> seen;
  SelftestOptions options;
  options.seconds = 0;
  options.on_model = [&](const std::string& model, std::int64_t) { seen.push_back(model); };
  const SelftestReport report = selftest(options);
  EXPECT_TRUE(report.good());
  EXPECT_EQ(seen, names());
  EXPECT_EQ(report.models, static_cast<std::int64_t>(names().size()));
  EXPECT_GT(report.proofs, report.models);  // decoders in both modes
  ASSERT_FALSE(report.checks.empty());
  EXPECT_EQ(report.checks.front().comparisons, report.proofs);
  EXPECT_GT(report.checks.front().difference, 0);
  EXPECT_NE(report.checks.front().worst.find(", seed 1: "), std::string::npos) << report.checks.front().worst;
}

// The rows that each position along j picks come from a table that differs from position to position along i.
TEST(Verify, AnEmbeddingsTableMayBeAValue) {
  expect_proven(testing::model_of(R"(
tapeloop: 1
axes: {i: {}, j: {}}
inputs: {x: {axes: [i], shape: [3]}, word: {axes: [i, j], type: int}, words: {axes: [j], shape: [2], type: int}}
nodes:
  table: outer(tanh(linear(x, units=5)), x)
  e: embedding(word, table)
  pair: {op: embedding, inputs: [words, table], axes: [i, j]}
outputs: [e, pair]
)"),
                "a table on i");
}

// mean + deviation z is z alone here; what is drawn must not change with what the node is then called.
TEST(Verify, ADrawIsTheSameWhenTheOperationsAroundItFallAway) {
  for (const char* equation : {"normal(x)", "uniform(x)", "draw_normal(x) * 1", "dropout(x, rate=0)"}) {
    const std::string text =
        std::string("tapeloop: 1\ninputs: {x: {shape: [2]}}\nnodes:\n  z: ") + equation + "\n  y: z + x\noutputs: [y]\n";
    expect_proven(testing::model_of(text), equation);
  }
}

// An op of the same name would be taken instead.
TEST(ShippedModels, HaveNamesThatNoOpHas) {
  const Registry registry = make_registry();
  for (const std::string& name : names()) EXPECT_EQ(registry.find(name), nullptr) << name;
}

// Where a value moves a thousand times as far as what was fed, float cannot know it better than that. The bound of a model
// that does nothing of the kind is that of float.
TEST(Verify, TheBoundInFloatFollowsTheConditioning) {
  const auto bounds = [](const std::string& equation) {
    std::vector<double> found;
    const VerifyReport report =
        verify_model(testing::model_of("tapeloop: 1\ninputs: {x: {shape: [4]}}\nnodes:\n  h: " + equation + "\noutputs: [h]\n"));
    EXPECT_TRUE(report.good());
    for (const VerifyCheck& check : report.checks) {
      if (check.what.ends_with(": in float")) found.push_back(check.allowed);
    }
    return found;
  };
  EXPECT_EQ(bounds("tanh(x + 0.5 * h_tm1)"), (std::vector<double>{2e-5, 2e-5}));
  const std::vector<double> wild = bounds("mod(1000 * x + h_tm1, 1)");
  EXPECT_GT(wild[0], 1e-4);
  EXPECT_LT(wild[0], 1e4);
}

TEST(Cells, AreThirtyLinesAtMost) {
  for (const BuiltInModel& model : built_in_models()) {
    if (model.folder != "cells") continue;
    EXPECT_LE(std::count(model.yaml.begin(), model.yaml.end(), '\n'), 30) << model.name;
  }
}

TEST(Cells, GatedFeedbackHasAsManyLayersAsTheCommandLineSays) {
  const Compiled compiled = Model::load("gf_rnn", {"options.layers=5", "options.units=2"}).compile();
  EXPECT_TRUE(compiled.graph.names.contains("h5"));
  EXPECT_FALSE(compiled.graph.names.contains("h6"));
  EXPECT_TRUE(compiled.graph.names.contains("g5_5"));
}

TEST(Cells, ActivationsAndInnerCellsAreOptions) {
  expect_proven(Model::load("gru", {"options.units=3", "options.activation=relu", "options.gate=tanh"}), "gru");
  expect_proven(Model::load("bidirectional", {"options.units=3", "options.cell=lstm"}), "bidirectional");
}

TEST(Cells, MayBeUsedAsOps) {
  expect_proven(testing::model_of("tapeloop: 1\n"
                                  "inputs: {x: {shape: [features]}}\n"
                                  "nodes:\n"
                                  "  a: gf_gru(x, units=3, layers=2)\n"
                                  "  y: bidirectional(a, units=2, cell=simple_rnn)\n"
                                  "outputs: [y]\n"),
                "cells as ops");
}

TEST(Systems, FibonacciNeedsOnlyALength) {
  const Evaluated<double> result = evaluate<double>(Model::load("fibonacci"), parse_feed(R"({"lengths": {"t": [6, 3]}})", "feed.json"));
  EXPECT_THAT(result.outputs.at(0).second.data, ::testing::ElementsAre(1, 2, 3, 5, 8, 13, 1, 2, 3, 0, 0, 0));
}

TEST(Documentation, EveryModelInTheReadmesIsProven) {
  int models = 0;
  for (const std::string file : {"models/LANGUAGE.md", "models/TRAINING.md", "README.md"}) {
    for (const testing::Block& block : testing::yaml_blocks(testing::read_text(testing::source_path(file)))) {
      if (!block.text.starts_with("tapeloop: 1")) continue;
      const std::string place = file + ":" + std::to_string(block.line);
      ++models;
      try {
        expect_proven(testing::model_of(block.text), place);
      } catch (const std::exception& error) {
        ADD_FAILURE() << place << ": " << error.what();
      }
    }
  }
  EXPECT_GE(models, 15);
}

}  // namespace
}  // namespace tapeloop
