// Inner values that a user asks for besides the outputs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/facade/evaluate.h"
#include "models/facade/model.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::HasSubstr;
using testing::model_of;

constexpr const char* kModel =
    "tapeloop: 1\n"
    "inputs: {x: {shape: [1]}}\n"
    "parameters: {w: [1]}\n"
    "nodes:\n"
    "  scaled: x * w\n"
    "  twin: x * w\n"
    "  half: 0.5 * 1\n"
    "  weight: w * w\n"
    "  d: lstm(scaled, units=2)\n"
    "  y: sum(d, along=shape) + sum(twin, along=shape) + half + sum(weight, along=shape)\n"
    "outputs: [y]\n";

// Two examples of different length; parameters are numbers that rise.
Feed feed_for(const Model& model) {
  Feed feed = parse_feed(R"({"inputs": {"x": [[[1], [2], [3]], [[4]]]}, "lengths": {"t": [3, 1]}})", "feed.json");
  CompileOptions options;
  options.fed_shapes = {{"x", {1}}};
  const Plan plan = model.compile(options).plan;
  double next = 0.1;
  for (const NodeId id : plan.parameters) {
    Nested array;
    array.is_list = true;
    const std::vector<std::int64_t> sizes = numbers(plan.value(id).shape);
    for (std::int64_t k = 0; k < sizes[0]; ++k) {
      Nested row;
      row.is_list = sizes.size() > 1;
      row.number = next += 0.05;
      for (std::int64_t j = 0; sizes.size() > 1 && j < sizes[1]; ++j) row.items.push_back({false, next += 0.05, {}});
      array.items.push_back(row);
    }
    feed.parameters.emplace_back(plan.value(id).name, array);
  }
  return feed;
}

TEST(Watch, InnerValuesAreThoseOfTheReference) {
  const Model model = model_of(kModel);
  const Feed feed = feed_for(model);
  EvaluateOptions options;
  options.gradients = true;
  options.loss = "weighted";
  const auto plain = evaluate<double>(model, feed, options);
  options.watch = {"d.c", "scaled", "twin", "half", "weight", "x", "w", "y", "d.f"};
  const auto watched = evaluate<double>(model, feed, options);
  options.reference = true;
  const auto reference = evaluate<double>(model, feed, options);
  ASSERT_EQ(watched.watched.size(), options.watch.size());
  EXPECT_EQ(watched.watched[0].second.dims, (std::vector<std::int64_t>{2, 3, 2}));
  for (std::size_t k = 0; k < options.watch.size(); ++k) {
    const auto& [name, array] = watched.watched[k];
    EXPECT_EQ(name, options.watch[k]);
    EXPECT_EQ(array.dims, reference.watched[k].second.dims) << name;
    EXPECT_THAT(array.data, ::testing::Pointwise(::testing::DoubleNear(1e-12), reference.watched[k].second.data)) << name;
  }
  EXPECT_THAT(watched.outputs[0].second.data, ::testing::Pointwise(::testing::DoubleNear(1e-13), plain.outputs[0].second.data));
  EXPECT_EQ(watched.gradients.size(), plain.gradients.size());
}

TEST(Watch, AnUnknownNameIsMetWithTheOneThatWasMeant) {
  const Model model = model_of(kModel);
  EvaluateOptions options;
  options.watch = {"d.cc", "scald"};
  try {
    evaluate<float>(model, feed_for(model), options);
    FAIL() << "accepted";
  } catch (const ModelError& error) {
    EXPECT_THAT(error.what(), HasSubstr("--watch d.cc: error E0721: no value 'd.cc'; did you mean 'd.c'?"));
    EXPECT_THAT(error.what(), HasSubstr("'scaled'"));
  }
}

TEST(Watch, StandsInTheJsonOnlyIfAskedFor) {
  const Model model = model_of("tapeloop: 1\ninputs: {x: {}}\nnodes: {h: 2 * x, y: h + 1}\noutputs: [y]\n");
  const Feed feed = parse_feed(R"({"inputs": {"x": [[1, 2]]}})", "feed.json");
  EXPECT_EQ(evaluate<float>(model, feed).json(), R"({"outputs": {"y": [[3, 5]]}, "loss": null, "grads": {}})");
  EvaluateOptions options;
  options.watch = {"h"};
  EXPECT_EQ(evaluate<float>(model, feed, options).json(),
            R"({"outputs": {"y": [[3, 5]]}, "loss": null, "grads": {}, "watched": {"h": [[2, 4]]}})");
}

}  // namespace
}  // namespace tapeloop
