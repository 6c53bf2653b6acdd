// What is said of mistakes, in the words that the user meets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/kind.h"
#include "models/facade/evaluate.h"
#include "models/facade/json_text.h"
#include "models/facade/model.h"
#include "runtime/run.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::model_of;

// Of y: EQUATION, with x and z on t.
std::string message_of(const std::string& equation) {
  try {
    model_of("tapeloop: 1\ninputs: {x: {shape: [2]}, z: {shape: [2]}}\nnodes:\n  y: " + equation + "\noutputs: [y]\n").compile();
  } catch (const ModelError& error) {
    return error.what();
  }
  return "";
}

TEST(Messages, ComparisonsInARowAreRefused) {
  EXPECT_THAT(message_of("x * (0 < x <= z)"), AllOf(HasSubstr("E0203: '<' and '<=' in a row"), HasSubstr("help: for both at once write")));
  EXPECT_EQ(message_of("x * ((0 < x) < z)"), "");
  EXPECT_EQ(message_of("x * (0 < x) * (x <= z)"), "");
}

TEST(Messages, AnInputOfACellThatIsWrongIsNamed) {
  EXPECT_THAT(message_of("gru(x, x=z, units=2)"), HasSubstr("'gru' takes x; found 2 operands, 'x' twice"));
  EXPECT_THAT(message_of("gru(units=2)"), HasSubstr("'gru' takes x; found 0 operands, no 'x'"));
}

TEST(Messages, HalfATapIsMetWithAWholeOne) {
  EXPECT_THAT(message_of("x + y_tm"), HasSubstr("unknown name 'y_tm'; did you mean 'y_tm1'?"));
  EXPECT_THAT(message_of("x + z_tp"), HasSubstr("did you mean 'z_tp1'?"));
}

TEST(Messages, ANumberOutOfItsRangeIsRefused) {
  EXPECT_THAT(message_of("dropout(x, rate=-0.5)"), HasSubstr("E0305: rate= takes a number from 0 to below 1, found -0.5"));
  EXPECT_THAT(message_of("zoneout(x, z, rate=2)"), HasSubstr("rate= takes a number from 0 to 1, found 2"));
  EXPECT_THAT(message_of("normal(x, deviation=-1)"), HasSubstr("deviation= takes a number from 0, found -1"));
}

// Every kind that says a range keeps to it in its own examples, and what lies outside is refused.
TEST(Messages, EveryRangeOfAKindIsKept) {
  int ranges = 0;
  for (const NodeKind* kind : built_in_kinds().all()) {
    for (const OptionSpec& option : kind->options) {
      if (!std::isfinite(option.least) && !std::isfinite(option.most)) continue;
      ++ranges;
      std::string call = std::string(kind->name) + "(";
      for (std::size_t k = 0; k < kind->operands.size(); ++k) call += k % 2 == 0 ? "x, " : "z, ";
      const double outside = std::isfinite(option.most) && !option.below ? option.most + 1 : option.least - 1;
      EXPECT_THAT(message_of(call + std::string(option.name) + "=" + std::to_string(static_cast<int>(outside)) + ")"), HasSubstr("E0305"))
          << kind->name;
      for (const Example& example : kind->examples) {
        const double used = number_of(example.attributes, option.name, option.least);
        EXPECT_TRUE(used >= option.least && (option.below ? used < option.most : used <= option.most)) << kind->name;
      }
    }
  }
  EXPECT_GE(ranges, 6);
}

TEST(JsonText, WhatIsNotFiniteIsAText) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(json_array(Array<double>{{4}, {1.5, infinity, -infinity, std::nan("")}}), R"([1.5, "inf", "-inf", "nan"])");
  const Model model = model_of("tapeloop: 1\ninputs: {x: {}}\nnodes: {y: 1 / x}\noutputs: [y]\n");
  EXPECT_EQ(evaluate<float>(model, parse_feed(R"({"inputs": {"x": [[0]]}})", "f.json")).json(),
            R"({"outputs": {"y": [["inf"]]}, "loss": null, "grads": {}})");
}

// Positions that there is no memory for are refused before anything is built for them: a length may come from a mistake.
TEST(Lengths, OfAValueThatIsTooLargeAreRefusedAtOnce) {
  const Model model = model_of(
      "tapeloop: 1\naxes: {t: {}, u: {within: t, length: n}}\ninputs: {n: {type: int}}\nnodes:\n  y: sum(index(u) * 1, along=u)\n"
      "outputs: [y]\n");
  CompileOptions options;
  options.gradients = false;
  tapeloop::Run<double> run(std::make_shared<const Plan>(model.compile(options).plan), {.max_bytes = 1 << 20});
  Batch<double> batch;
  batch.rows = 1;
  for (const double length : {1e8, 2e9, 1e8}) {
    batch.inputs["n"] = {{1, 1}, {length}};
    try {
      run.forward(batch);
      FAIL() << "accepted";
    } catch (const ModelError& error) {
      EXPECT_EQ(error.list().front().code, "E0711") << length;
    }
    EXPECT_LT(run.bytes(), 1 << 20);
  }
  batch.inputs["n"] = {{1, 1}, {4}};
  run.forward(batch);
  EXPECT_EQ(run.value(run.plan().outputs[0].node).data, std::vector<double>{6});
}

}  // namespace
}  // namespace tapeloop
