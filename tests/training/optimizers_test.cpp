#include "runtime/training/optimizers.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace tapeloop {
namespace {

OptimizerSpec spec(const std::string& name, std::vector<std::pair<std::string, double>> settings = {}) {
  return {name, std::move(settings)};
}

TEST(Sgd, StepsAgainstTheGradient) {
  const auto sgd = make_optimizer<double>(spec("sgd", {{"lr", 0.5}}), 2);
  std::array<double, 2> p{1, 2};
  sgd->step(p, std::array<double, 2>{2, -4});
  EXPECT_EQ(p, (std::array<double, 2>{0, 4}));
  EXPECT_TRUE(sgd->slots().empty());
}

// v: 1, 1.5;  p: 0 - 0.1, - 0.1 (1.5)
TEST(Sgd, MomentumCarriesOn) {
  const auto sgd = make_optimizer<double>(spec("sgd", {{"lr", 0.1}, {"momentum", 0.5}}), 1);
  std::array<double, 1> p{0};
  for (int i = 0; i < 2; ++i) sgd->step(p, std::array<double, 1>{1});
  EXPECT_DOUBLE_EQ(p[0], -0.25);
}

// g + 0.5 v: 1.5, 1.75
TEST(Sgd, NesterovLooksAhead) {
  const auto sgd = make_optimizer<double>(spec("sgd", {{"lr", 0.1}, {"momentum", 0.5}, {"nesterov", 1}}), 1);
  std::array<double, 1> p{0};
  for (int i = 0; i < 2; ++i) sgd->step(p, std::array<double, 1>{1});
  EXPECT_DOUBLE_EQ(p[0], -0.325);
}

// By hand with beta1 = 0.5, beta2 = 0.75, epsilon = 0, lr = 1:
//   n = 1, g = 2:  m = 1,   v = 1;      m^ = 1 / 0.5 = 2,           v^ = 1 / 0.25 = 4;         p -= 2 / 2 = 1
//   n = 2, g = -4: m = -1.5, v = 4.75;  m^ = -1.5 / 0.75 = -2,      v^ = 4.75 / 0.4375;        p += 2 / sqrt(76 / 7)
TEST(Adam, TwoStepsByHand) {
  const auto adam = make_optimizer<double>(spec("adam", {{"lr", 1}, {"beta1", 0.5}, {"beta2", 0.75}, {"epsilon", 0}}), 1);
  std::array<double, 1> p{0};
  adam->step(p, std::array<double, 1>{2});
  EXPECT_DOUBLE_EQ(p[0], -1);
  adam->step(p, std::array<double, 1>{-4});
  EXPECT_NEAR(p[0], -1 + 2 / std::sqrt(76.0 / 7.0), 1e-15);
  EXPECT_DOUBLE_EQ(adam->slots()[0].values[0], -1.5);
  EXPECT_DOUBLE_EQ(adam->slots()[1].values[0], 4.75);
}

// Without the correction of the bias the first step would be a tenth of it, or thirty times it.
TEST(Adam, FirstStepIsTheLearningRateWhateverTheGradient) {
  for (const double g : {1e-3, 1.0, -1e4}) {
    const auto adam = make_optimizer<double>(spec("adam", {{"lr", 0.01}}), 1);
    std::array<double, 1> p{0};
    adam->step(p, std::array<double, 1>{g});
    EXPECT_NEAR(p[0], g > 0 ? -0.01 : 0.01, 1e-6);
  }
}

// The first step by hand, lr = 0.5, decay = 0.1: p = 2 (1 - 0.05) - 0.5.
TEST(AdamW, DecaysBesideTheStepAndNotInIt) {
  const auto adamw = make_optimizer<double>(spec("adamw", {{"lr", 0.5}, {"decay", 0.1}, {"epsilon", 0}}), 1);
  std::array<double, 1> p{2};
  adamw->step(p, std::array<double, 1>{3});
  EXPECT_DOUBLE_EQ(p[0], 1.4);
  const auto plain = make_optimizer<double>(spec("adamw", {{"lr", 0.5}, {"decay", 0}}), 1);
  const auto adam = make_optimizer<double>(spec("adam", {{"lr", 0.5}}), 1);
  std::array<double, 1> q{2};
  p[0] = 2;
  for (const double g : {3.0, -1.0}) {
    plain->step(p, std::array<double, 1>{g});
    adam->step(q, std::array<double, 1>{g});
  }
  EXPECT_EQ(p, q);
}

// rho = 0.75, epsilon = 0, momentum = 0.5, lr = 1, g = 2, 4:  v = 1, 4.75;  u = 2, 1 + 4 / sqrt(4.75)
TEST(RmsProp, TwoStepsByHand) {
  const auto rmsprop = make_optimizer<double>(spec("rmsprop", {{"lr", 1}, {"rho", 0.75}, {"epsilon", 0}, {"momentum", 0.5}}), 1);
  std::array<double, 1> p{0};
  rmsprop->step(p, std::array<double, 1>{2});
  EXPECT_DOUBLE_EQ(p[0], -2);
  rmsprop->step(p, std::array<double, 1>{4});
  EXPECT_DOUBLE_EQ(p[0], -3 - 4 / std::sqrt(4.75));
  EXPECT_EQ(rmsprop->slots().size(), 2U);
}

TEST(Adam, FindsTheLowestPointOfABowl) {
  const auto adam = make_optimizer<float>(spec("adam", {{"lr", 0.05}}), 2);
  std::array<float, 2> p{3, -2};
  for (int i = 0; i < 2000; ++i) adam->step(p, std::array<float, 2>{p[0] - 1, 50 * (p[1] - 0.5F)});
  EXPECT_NEAR(p[0], 1, 1e-3);
  EXPECT_NEAR(p[1], 0.5, 1e-3);
}

TEST(Clip, ByNormKeepsTheDirection) {
  std::array<double, 2> g{3, 4};
  EXPECT_DOUBLE_EQ(clip_by_norm<double>(g, 1), 5);
  EXPECT_DOUBLE_EQ(g[0], 0.6);
  EXPECT_DOUBLE_EQ(g[1], 0.8);
}

TEST(Clip, ByNormLeavesAShortGradientToTheBit) {
  std::array<float, 3> g{0.1F, 0.2F, -0.3F};
  const std::array<float, 3> before = g;
  clip_by_norm<float>(g, 1);
  EXPECT_EQ(g, before);
}

TEST(Clip, ByValueBoundsEachEntry) {
  std::array<double, 3> g{-7, 0.5, 7};
  clip_by_value<double>(g, 2);
  EXPECT_EQ(g, (std::array<double, 3>{-2, 0.5, 2}));
}

TEST(Optimizers, EveryRuleIsMadeByItsNameWithItsDefaults) {
  for (const OptimizerRule& rule : optimizer_rules()) {
    ASSERT_EQ(rule.settings[0].name, "lr");
    EXPECT_DOUBLE_EQ(make_optimizer<float>(spec(rule.name), 3)->learning_rate, rule.settings[0].otherwise);
  }
  EXPECT_THROW(make_optimizer<float>(spec("none"), 1), std::invalid_argument);
}

}  // namespace
}  // namespace tapeloop
