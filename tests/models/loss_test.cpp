// Losses of several terms, sums, weights: values and gradients against the definition.
#include <gtest/gtest.h>

#include <cmath>

#include "models/facade/tapeloop.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using testing::model_of;

const std::vector<std::int32_t> kLengths{3, 1};
const std::vector<double> kX{1, -2, 3, 4, -99, -99};
const std::vector<double> kStepWeights{1, 0.5, 2, 4, -99, -99};
const std::vector<double> kExampleWeights{3, 0.25};

// e = x * x on [t] and its per-example sum s on []; w on [t], v on [].
double loss_of(const std::string& loss, double* gradient = nullptr) {
  const Model model = model_of(
      "tapeloop: 1\noptions: {share: 0.5}\ninputs: {x: {}, w: {}, v: {axes: []}}\nnodes:\n  e: x * x\n  s: sum(x, along=t)\n"
      "  used: w + v\noutputs: [used]\nloss: " +
      loss + "\n");
  SessionOptions options;
  options.input_gradients = true;
  Session<double> session(model, options);
  Batch<double> batch;
  batch.rows = 2;
  batch.lengths["t"] = kLengths;
  batch.inputs["x"] = {{2, 3}, kX};
  batch.inputs["w"] = {{2, 3}, kStepWeights};
  batch.inputs["v"] = {{2}, kExampleWeights};
  session.forward(batch);
  session.backward();
  if (gradient) *gradient = session.gradient("x").data[1];  // of the -2
  return session.loss();
}

TEST(Loss, IsAMeanOrASumOverRealPositions) {
  double gradient = 0;
  EXPECT_DOUBLE_EQ(loss_of("e", &gradient), (1 + 4 + 9 + 16) / 4.0);
  EXPECT_DOUBLE_EQ(gradient, 2 * -2 / 4.0);
  EXPECT_DOUBLE_EQ(loss_of("{mean: e}"), 7.5);
  EXPECT_DOUBLE_EQ(loss_of("{sum: e}", &gradient), 30);
  EXPECT_DOUBLE_EQ(gradient, -4);
  EXPECT_DOUBLE_EQ(loss_of("s"), (2 + 4) / 2.0);
}

TEST(Loss, TermsAddUpByTheirFactors) {
  double gradient = 0;
  EXPECT_DOUBLE_EQ(loss_of("[e, {mean: s, times: share}, {sum: e, times: 0.1}]", &gradient), 7.5 + 1.5 + 3);
  EXPECT_DOUBLE_EQ(gradient, -1 + 0.5 / 2 - 0.4);
}

// Weights of steps and of examples; the mean divides by what they add up to over the positions.
TEST(Loss, PositionsMayHaveWeights) {
  double gradient = 0;
  EXPECT_DOUBLE_EQ(loss_of("{mean: e, weights: w}", &gradient), (1 + 0.5 * 4 + 2 * 9 + 4 * 16) / 7.5);
  EXPECT_DOUBLE_EQ(gradient, 0.5 * -4 / 7.5);
  EXPECT_DOUBLE_EQ(loss_of("{sum: e, weights: w}"), 85);
  EXPECT_DOUBLE_EQ(loss_of("{mean: e, weights: v}"), (3 * 14 + 0.25 * 16) / (3 * 3 + 0.25));
  EXPECT_DOUBLE_EQ(loss_of("{mean: s, weights: v}"), (3 * 2 + 0.25 * 4) / 3.25);
}

std::string problem_of(const std::string& loss) {
  try {
    loss_of(loss);
  } catch (const ModelError& error) {
    return error.what();
  }
  return "none";
}

TEST(Loss, SaysWhatCannotBeWeightedOrFound) {
  EXPECT_NE(problem_of("{mean: s, weights: w}").find("E0510"), std::string::npos) << problem_of("{mean: s, weights: w}");
  EXPECT_NE(problem_of("{mean: e, weights: nobody}").find("E0301"), std::string::npos);
  EXPECT_NE(problem_of("[e, nobody]").find("E0301"), std::string::npos);
  EXPECT_NE(problem_of("{total: e}").find("E0114"), std::string::npos);
  EXPECT_NE(problem_of("{mean: e, sum: e}").find("E0116"), std::string::npos);
  EXPECT_NE(problem_of("{times: 2}").find("E0116"), std::string::npos);
  EXPECT_NE(problem_of("[]").find("E0116"), std::string::npos);
}

}  // namespace
}  // namespace tapeloop
