#include "models/facade/feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/facade/evaluate.h"
#include "models/facade/model.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::model_of;

// Two sums over what was really fed: one along u for every t, one over all.
constexpr const char* kNested =
    "tapeloop: 1\n"
    "axes: {t: {}, u: {within: t}}\n"
    "inputs: {x: {axes: [t, u]}, c: {axes: [], shape: [2]}}\n"
    "parameters: {W: [2]}\n"
    "nodes:\n"
    "  s: sum(x, along=u)\n"
    "  n: c @ W + sum(s, along=t)\n"
    "outputs: [s, n]\n";

std::string message_of(const std::string& feed, const std::string& loss = {}, bool gradients = false) {
  try {
    EvaluateOptions options;
    options.loss = loss;
    options.gradients = gradients;
    evaluate<double>(model_of(kNested), parse_feed(feed, "feed.json"), options);
  } catch (const ModelError& error) {
    return error.what();
  }
  return "";
}

Evaluated<double> result_of(const std::string& feed) { return evaluate<double>(model_of(kNested), parse_feed(feed, "feed.json")); }

TEST(Feed, RaggedListsAreAsLongAsTheyAre) {
  const auto result = result_of(R"({"parameters": {"W": [1, 10]}, "inputs": {"x": [[[1, 2, 3], [], [4]], [[5]]], "c": [[1, 2], [0, 0]]}})");
  EXPECT_THAT(result.outputs[0].second.dims, ElementsAre(2, 3));
  EXPECT_THAT(result.outputs[0].second.data, ElementsAre(6, 0, 4, 5, 0, 0));
  EXPECT_THAT(result.outputs[1].second.data, ElementsAre(31, 5));
}

TEST(Feed, PaddingIsNeverRead) {
  const auto result = result_of(
      R"({"parameters": {"W": [1, 10]}, "lengths": {"t": [2, 1], "u": [[3, 1, 9], [0]]},
          "inputs": {"x": [[[1, 2, 3], [4, 99, 99]], [[99, 99, 99], [99, 99, 99]]], "c": [[1, 2], [0, 0]]}})");
  EXPECT_THAT(result.outputs[0].second.data, ElementsAre(6, 4, 0, 0));
  EXPECT_THAT(result.outputs[1].second.data, ElementsAre(31, 0));
}

TEST(Feed, ABatchMayBeEmpty) {
  const auto result = result_of(R"({"parameters": {"W": [1, 10]}, "inputs": {"x": [], "c": []}})");
  EXPECT_THAT(result.outputs[1].second.dims, ElementsAre(0));
}

TEST(Feed, KeysGivenTwiceAreRefused) {
  EXPECT_THAT(message_of(R"({"inputs": {"x": [[[1]]], "x": [[[2]]]}})"), HasSubstr("'x' is given twice in inputs"));
  EXPECT_THAT(message_of(R"({"inputs": {}, "inputs": {}})"), HasSubstr("'inputs' is given twice"));
}

TEST(Feed, WhatIsNoFeedIsRefused) {
  EXPECT_THAT(message_of("{"), HasSubstr("no valid JSON"));
  EXPECT_THAT(message_of("[1]"), HasSubstr("expected an object of named arrays, found a list"));
  EXPECT_THAT(message_of(R"({"input": {}})"), HasSubstr("unknown key 'input'; did you mean 'inputs'?"));
  EXPECT_THAT(message_of(R"({"inputs": {"x": "abc"}})"), HasSubstr("'x': expected numbers in lists, found the text"));
  EXPECT_THAT(message_of(R"({"inputs": {"x": {"y": 1}}})"), HasSubstr("found an object"));
  EXPECT_THAT(message_of(std::string(R"({"inputs": {"x": )") + std::string(100, '[')), HasSubstr("lists in lists"));
}

TEST(Feed, SaysWhatIsMissingAndWhatIsUnknownAllAtOnce) {
  const std::string message = message_of(R"({"parameters": {"V": [1, 2]}, "inputs": {"x": [[[1]]], "d": [1]}})");
  EXPECT_THAT(message, HasSubstr("unknown input 'd'"));
  EXPECT_THAT(message, HasSubstr("input 'c' is missing; expected [example][2]"));
  EXPECT_THAT(message, HasSubstr("parameter 'W' is missing; expected [2]"));
  EXPECT_THAT(message, HasSubstr("unknown parameter 'V'"));
}

TEST(Feed, ArraysMustBeNestedAsTheAxesAre) {
  EXPECT_THAT(message_of(R"({"parameters": {"W": [1, 2]}, "inputs": {"x": [[1]], "c": [[1, 2]]}})"),
              HasSubstr("input 'x': expected [example][t][u], found [1][1]"));
  EXPECT_THAT(message_of(R"({"parameters": {"W": [1, 2, 3]}, "inputs": {"x": [[[1]]], "c": [[1, 2]]}})"), HasSubstr("'W'"));
  EXPECT_THAT(message_of(R"({"parameters": {"W": [1, 2]}, "inputs": {"x": [[[1]]], "c": [[1, 2], [3, 4]]}})"),
              HasSubstr("input 'c' has 2 examples, input 'x' has 1"));
}

TEST(Feed, LengthsMustFitWhatIsFed) {
  EXPECT_THAT(message_of(R"({"parameters": {"W": [1, 2]}, "lengths": {"t": [2]}, "inputs": {"x": [[[1]]], "c": [[1, 2]]}})"),
              HasSubstr("input 'x' has 1 positions along 't', a length is 2"));
  EXPECT_THAT(message_of(R"({"parameters": {"W": [1, 2]}, "lengths": {"t": [-1]}, "inputs": {"x": [[[1]]], "c": [[1, 2]]}})"),
              HasSubstr("lengths of 't': expected a whole number"));
  EXPECT_THAT(message_of(R"({"parameters": {"W": [1, 2]}, "lengths": {"s": [1]}, "inputs": {"x": [[[1]]], "c": [[1, 2]]}})"),
              HasSubstr("lengths of an unknown axis 's'"));
}

TEST(Feed, GradientsNeedALoss) {
  const std::string good = R"({"parameters": {"W": [1, 2]}, "inputs": {"x": [[[1]]], "c": [[1, 2]]}})";
  EXPECT_THAT(message_of(good, "", true), HasSubstr("gradients need a loss"));
  EXPECT_THAT(message_of(good, "weighed", true), HasSubstr("unknown loss 'weighed'"));
  EXPECT_THAT(message_of(good, "weighted:m", true), HasSubstr("no output 'm'"));
  EXPECT_EQ(message_of(good, "weighted:n,s", true), "");
}

TEST(Feed, CotangentsTakeThePlaceOfALoss) {
  EvaluateOptions options;
  options.gradients = true;
  const std::string feed =
      R"({"parameters": {"W": [1, 2]}, "inputs": {"x": [[[1, 1], [1]]], "c": [[3, 5]]}, "cotangents": {"s": [[2, 7]], "n": [10]}})";
  const auto result = evaluate<double>(model_of(kNested), parse_feed(feed, "feed.json"), options);
  std::map<std::string, Array<double>> gradients(result.gradients.begin(), result.gradients.end());
  EXPECT_THAT(gradients.at("W").data, ElementsAre(30, 50));
  EXPECT_THAT(gradients.at("c").data, ElementsAre(10, 20));
  EXPECT_THAT(gradients.at("x").data, ElementsAre(12, 12, 17, 0));
}

TEST(Feed, IsReadBackAsItWasWritten) {
  const std::string text = R"({"inputs": {"x": [[[1, 2.5], []], [[0.10000000000000001]]]}, "lengths": {"t": [2, 1]}})";
  EXPECT_EQ(feed_json(parse_feed(text, "feed.json")), text);
}

}  // namespace
}  // namespace tapeloop
