// Runs within runs whose end is decided: their lengths, known before or not, wait for those of the runs around them.
#include <gtest/gtest.h>

#include <string>

#include "models/facade/evaluate.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

const std::string kHead = "tapeloop: 1\ninputs: {z: {axes: []}}\n";

void expect_reference(const std::string& rest) {
  const Model model = testing::model_of(kHead + rest);
  const Feed feed = parse_feed(R"({"inputs": {"z": [1, 2, 0.5]}})", "feed.json");
  EvaluateOptions options;
  const Evaluated<double> plan = evaluate<double>(model, feed, options);
  options.reference = true;
  const Evaluated<double> reference = evaluate<double>(model, feed, options);
  ASSERT_EQ(plan.outputs.size(), reference.outputs.size());
  for (std::size_t k = 0; k < plan.outputs.size(); ++k) {
    ASSERT_EQ(plan.outputs[k].second.dims, reference.outputs[k].second.dims);
    for (std::size_t i = 0; i < plan.outputs[k].second.data.size(); ++i) {
      EXPECT_NEAR(plan.outputs[k].second.data[i], reference.outputs[k].second.data[i], 1e-12) << i;
    }
  }
}

TEST(NestedLengths, OfANumber) {
  expect_reference(R"(axes: {t: {until: done, max: 6}, u: {within: t, length: 2}}
nodes:
  a: index(u) + z
  s: z + 0.5 * s_tm1
  done: s > 3
  y: sum(a, along=u) + s
outputs: [y]
)");
}

TEST(NestedLengths, OfAValueAndReadByTheDecision) {
  expect_reference(R"(axes: {t: {until: done, max: 6}, u: {within: t, length: n}}
nodes:
  n: 1 + mod(index(t), 2)
  a: index(u) + z
  y: sum(a, along=u)
  done: y > 2
outputs: [y]
)");
}

TEST(NestedLengths, DecidedThemselves) {
  expect_reference(R"(axes: {t: {until: done, max: 6}, u: {within: t, until: over, max: 4}}
nodes:
  a: 0.5 * a[u-1] + z + index(t)
  over: a > 2
  s: 0.5 * s_tm1 + z
  done: s > 1.2
  y: sum(a, along=u) + s
outputs: [y]
)");
}

// What a run comes to before its last position decides how far the next one goes.
TEST(NestedLengths, DecidedThemselvesAndReadByTheDecision) {
  expect_reference(R"(axes: {t: {until: done, max: 6}, u: {within: t, until: over, max: 4}}
nodes:
  a: 0.5 * a[u-1] + z + index(t) + index(u)
  over: a > 3
  e: last(a[u-1], along=u)
  done: e > 3.1
  y: sum(a, along=u) + e
outputs: [y, e]
)");
}

TEST(NestedLengths, DecidedByTheLastPositionButOneOfTheRunBefore) {
  expect_reference(R"(axes: {t: {length: 5}, u: {within: t, until: over, max: 6}}
nodes:
  b: 0.6 * b[u-1] + z + 0.3 * index(u) + 0.5 * start_tm1
  start: last(b[u-1], along=u)
  over: b > 2.5
  y: sum(b, along=u)
outputs: [y, start]
)");
}

}  // namespace
}  // namespace tapeloop
