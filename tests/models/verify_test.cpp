// What `tapeloop verify` compares, and what it says where something differs.
#include "models/facade/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/facade/trial_feed.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::model_of;

const VerifyCheck& check_of(const VerifyReport& report, const std::string& what) {
  const auto found = std::find_if(report.checks.begin(), report.checks.end(), [&](const VerifyCheck& check) { return check.what == what; });
  if (found == report.checks.end()) throw std::runtime_error("no check '" + what + "'");
  return *found;
}

TEST(Verify, ComparesChunksOrderAndThreadsToTheBit) {
  const VerifyReport report = verify_model(Model::load("sunspots", {"options.units=3"}));
  EXPECT_TRUE(report.good());
  EXPECT_EQ(report.culprit, "");
  for (const char* what :
       {"values: in another order, in float", "values: with three threads, in float", "gradients: with three threads, in float"}) {
    EXPECT_EQ(check_of(report, what).allowed, 0) << what;
    EXPECT_EQ(check_of(report, what).difference, 0) << what;
  }
  EXPECT_EQ(check_of(report, "gradients: in another order").allowed, 1e-12);
  EXPECT_EQ(check_of(verify_model(Model::load("gru", {"options.units=3"})), "values: in chunks of streams, in float").left_out, "");
}

TEST(Verify, DropsFallOnTheSameExamplesInAnyOrder) {
  const Model model = model_of(
      "tapeloop: 1\ninputs: {x: {shape: [4]}}\nnodes:\n  h: tanh(linear(dropout(x, rate=0.5), h_tm1, units=4))\n"
      "  e: sum(square(h), along=shape)\noutputs: [h]\nloss: e\n");
  EXPECT_TRUE(verify_model(model).good());
}

// The runs of u in one chunk are shorter than those in another.
TEST(Verify, RunsWithinTAreOfAnyLengthInAChunk) {
  const Model model = model_of(
      "tapeloop: 1\naxes: {t: {}, u: {within: t, length: n}}\ninputs: {x: {}, n: {type: int}}\nnodes:\n  h: tanh(x + h_tm1)\n"
      "  y: h + y[u-1]\noutputs: [y, h]\n");
  const VerifyReport report = verify_model(model);
  EXPECT_TRUE(report.good());
  EXPECT_EQ(check_of(report, "values: in chunks of streams, in float").left_out, "");
}

TEST(Verify, WhatCannotBeCutIsLeftOutWithTheReason) {
  const VerifyReport report = verify_model(Model::load("bidirectional", {"options.units=3"}));
  EXPECT_TRUE(report.good());
  EXPECT_THAT(check_of(report, "values: in chunks of streams, in float").left_out, HasSubstr("cannot be run step by step along t"));
}

TEST(Verify, ADifferenceToTheBitIsOneHoweverSmall) {
  VerifyCheck check;
  check.difference = 1e-300;
  EXPECT_FALSE(check.good());
}

TEST(Verify, WhatIsNotFiniteIsNamedAndThePlanNotAccused) {
  const auto report = [](const std::string& equation) {
    return verify_model(model_of("tapeloop: 1\ninputs: {x: {}}\nnodes:\n  e: " + equation + "\n  h: e + 0.5 * h_tm1\noutputs: [h]\n"));
  };
  const VerifyReport infinite = report("where(x > 0, x, 1 / (0 * stop_gradient(x * x)))");
  for (const VerifyCheck& check : infinite.checks) EXPECT_TRUE(check.good()) << check.what;
  EXPECT_EQ(infinite.culprit, "");
  EXPECT_THAT(infinite.not_finite, AllOf(HasSubstr("'e' ("), HasSubstr("is inf at t=")));
  EXPECT_THAT(check_of(infinite, "gradients: plan against complex step").left_out, HasSubstr("not finite"));
  const VerifyReport no_number = report("log(x)");
  for (const VerifyCheck& check : no_number.checks) EXPECT_TRUE(check.good()) << check.what;
  EXPECT_FALSE(no_number.good());  // nothing is proven by it
  EXPECT_THAT(no_number.not_finite, HasSubstr("'e' ("));
  EXPECT_EQ(report("exp(x)").not_finite, "");
}

TEST(Verify, TheFirstValueThatDiffersIsNamed) {
  const Graph graph =
      model_of("tapeloop: 1\ninputs: {x: {}}\nnodes:\n  a: tanh(x)\n  b: a * x\n  c: a + b\noutputs: [c]\n").compile().graph;
  const Array<double> same{{1, 2}, {1, 2}}, other{{1, 2}, {1, 2.5}};
  EXPECT_EQ(first_difference({{"a", same}, {"b", same}}, {{"a", same}, {"b", same}}, graph, 1e-12), "");
  EXPECT_THAT(first_difference({{"c", other}, {"b", other}, {"a", same}}, {{"c", same}, {"b", same}, {"a", same}}, graph, 1e-12),
              HasSubstr("b ("));
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const Array<double> infinite{{1, 2}, {inf, nan}}, lost{{1, 2}, {nan, nan}};
  EXPECT_EQ(first_difference({{"a", infinite}}, {{"a", infinite}}, graph, 1e-12), "");
  EXPECT_THAT(first_difference({{"a", lost}}, {{"a", infinite}}, graph, 1e-12), HasSubstr("a ("));
}

}  // namespace
}  // namespace tapeloop
