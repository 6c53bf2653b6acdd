// Random models: what a plan computes must equal the reference evaluator, values and gradients, whatever optimisation is off.
//
//   TAPELOOP_RANDOM_GRAPHS=150 build/tests/tests_random    that many instead of 2,000
//   TAPELOOP_RANDOM_BRIEF=1 build/tests/tests_random       without each optimisation off, and without the complex step: for many
//   TAPELOOP_RANDOM_SEED=17 build/tests/tests_random       one of them, with its YAML
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "compiler/pipeline.h"
#include "core/builder.h"
#include "nodes/registry.h"
#include "tests/random/comparison.h"
#include "tests/random/random_model.h"

namespace tapeloop {
namespace {

constexpr int kGraphs = 2000;
constexpr int kChunks = 8;  // of tests that may run side by side
constexpr int kShown = 3;   // failures of a chunk
constexpr std::int64_t kShardRows[] = {16, 1, 2};

int setting(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  return text ? std::atoi(text) : otherwise;
}

std::string problems(const RandomModel& model, const Registry& registry, Comparison& comparison) {
  try {
    // By turns: the whole batch as one shard, shards of a row or two, more threads than one.
    const bool brief = setting("TAPELOOP_RANDOM_BRIEF", 0) != 0;
    const ComparisonOptions options{.each_optimisation = !brief,
                                    .complex_step = !brief,
                                    .threads = 1 + static_cast<int>(model.seed / 3 % 2),
                                    .shard_rows = kShardRows[model.seed % 3]};
    comparison = compare(model, registry, options);
    return comparison.problems;
  } catch (const std::exception& error) {
    return fmt::format("  thrown: {}\n", error.what());
  }
}

class RandomPlans : public testing::TestWithParam<int> {};

TEST_P(RandomPlans, PlanEqualsReferenceWithEachOptimisationOff) {
  const Registry registry = make_registry();
  const int one = setting("TAPELOOP_RANDOM_SEED", -1);
  const int graphs = setting("TAPELOOP_RANDOM_GRAPHS", kGraphs);
  const int first = one < 0 ? graphs * GetParam() / kChunks : one + std::min(GetParam(), 1);
  const int end = one < 0 ? graphs * (GetParam() + 1) / kChunks : one + 1;
  std::set<std::string> changed;
  int failures = 0, with_scans = 0, linear = 0, together = 0, with_strips = 0;
  for (int seed = first; seed < end; ++seed) {
    const RandomModel model = random_model(static_cast<std::uint64_t>(seed));
    Comparison comparison;
    const std::string text = problems(model, registry, comparison);
    with_scans += comparison.scans > 0;
    linear += comparison.linear > 0;
    together += comparison.together > 0;
    with_strips += comparison.strips > 0;
    changed.merge(comparison.changed);
    if (text.empty()) continue;
    if (++failures <= kShown) ADD_FAILURE() << "TAPELOOP_RANDOM_SEED=" << seed << " repeats it:\n" << text << model.yaml;
  }
  EXPECT_EQ(failures, 0) << "of " << end - first;
  if (end - first < 50) return;
  EXPECT_GT(with_scans, (end - first) / 2);
  EXPECT_GT(linear, (end - first) / 20);
  EXPECT_GT(together, (end - first) / 40);
  EXPECT_GT(with_strips, (end - first) / 3);
  for (const PassInfo& pass : passes()) {
    if (pass.optimisation && setting("TAPELOOP_RANDOM_BRIEF", 0) == 0) {
      EXPECT_TRUE(changed.contains(std::string(pass.name))) << pass.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Chunk, RandomPlans, testing::Range(0, kChunks));

class RandomDecisions : public testing::TestWithParam<int> {};

// An axis ends where a value says so: the plan tries positions side by side, the reference one after the other.
TEST_P(RandomDecisions, PlanEqualsReferenceOrIsRefusedForWhatComesAfter) {
  const Registry registry = make_registry();
  const int one = setting("TAPELOOP_RANDOM_DECISION", -1);
  const int graphs = setting("TAPELOOP_RANDOM_GRAPHS", kGraphs);
  const int first = one < 0 ? graphs * GetParam() / kChunks : one + std::min(GetParam(), 1);
  const int end = one < 0 ? graphs * (GetParam() + 1) / kChunks : one + 1;
  int failures = 0, refused = 0;
  for (int seed = first; seed < end; ++seed) {
    const RandomModel model = random_model_with_decision(static_cast<std::uint64_t>(seed));
    Comparison comparison;
    const std::string text = problems(model, registry, comparison);
    const bool is_refused = text.find("error E06") != std::string::npos;  // or runs that tell each other, both ways, where they end
    refused += is_refused;
    if (text.empty() || is_refused) continue;
    if (++failures <= kShown) ADD_FAILURE() << "TAPELOOP_RANDOM_DECISION=" << seed << " repeats it:\n" << text << model.yaml;
  }
  EXPECT_EQ(failures, 0) << "of " << end - first;
  EXPECT_LE(refused, (end - first) * 6 / 10 + 3);
}

INSTANTIATE_TEST_SUITE_P(Chunk, RandomDecisions, testing::Range(0, kChunks));

// Tests of the test.

TEST(RandomGraphs, TwoRowsOfATableSwappedAreFound) {
  const Registry registry = make_registry();
  int tables = 0, found = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const RandomModel model = random_model(seed);
    ComparisonOptions options{.each_optimisation = false, .complex_step = false};
    const int count = compare(model, registry, options).tables;
    for (options.swapped = 0; options.swapped < count; ++options.swapped) {
      ++tables;
      found += !compare(model, registry, options).problems.empty();
    }
  }
  EXPECT_GT(found, tables / 4) << "of " << tables;  // not all: two rows may be equal, and a batch may have one
}

TEST(RandomGraphs, AKernelMadeWrongOnPurposeIsFound) {
  Registry registry = make_registry();
  NodeKind wrong = registry.at("tanh");
  // As seen from the reference: its own body is the one that is off.
  wrong.point.reference = [](const double* x) { return std::tanh(x[0]) * (1 + 1e-9); };
  registry.add(wrong);
  int found = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    found += !compare(random_model(seed), registry, {.each_optimisation = false, .complex_step = false}).problems.empty();
  }
  EXPECT_GT(found, 3);
}

TEST(RandomGraphs, AnAdjointMadeWrongOnPurposeIsFound) {
  Registry registry = make_registry();
  NodeKind wrong = registry.at("sigmoid");
  wrong.adjoint = [](AdjointBuilder& d) { d.add(0, d.dy() * d.y()); };
  registry.add(wrong);
  int found = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    found += !compare(random_model(seed), registry, {.each_optimisation = false}).problems.empty();
  }
  EXPECT_GT(found, 3);
}

}  // namespace
}  // namespace tapeloop
