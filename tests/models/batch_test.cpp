// What every shipped model keeps to, to the bit in float: an example's values do not depend on which others are in its batch, in which
// order they stand, or how far they are padded; and where a model is causal along t, not on the chunks in which it arrives.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/facade/built_in_models.h"
#include "models/facade/evaluate.h"
#include "models/facade/selftest.h"
#include "models/facade/trial_feed.h"
#include "runtime/run.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::HasSubstr;
using Arrays = Evaluated<float>::Arrays;

constexpr std::int64_t kRows = 5;

std::vector<std::string> names() {
  std::vector<std::string> result;
  for (const BuiltInModel& model : built_in_models()) result.emplace_back(model.name);
  return result;
}

Model small(const std::string& name) { return Model::load(name, small_options(Model::load(name))); }

Feed part_of(const Feed& whole, const std::vector<std::int64_t>& rows) {
  Feed part = whole;
  for (Feed::Arrays* arrays : {&part.inputs, &part.lengths}) {
    for (auto& [name, array] : *arrays) {
      std::vector<Nested> items;
      for (const std::int64_t row : rows) items.push_back(array.items.at(static_cast<std::size_t>(row)));
      array.items = items;
    }
  }
  return part;
}

struct Found {
  Arrays outputs, gradients;
};

// Outputs and, if wanted, gradients of inputs, with draws as these rows of the whole have them.
Found run(const Model& model, const Feed& whole, Mode mode, const std::vector<std::int64_t>& rows, bool gradients, int threads = 1) {
  EvaluateOptions options;
  options.mode = mode;
  options.gradients = gradients;
  Prepared<float> prepared = prepare<float>(model, part_of(whole, rows), options);
  prepared.batch.example_ids = rows;
  const auto plan = std::make_shared<const Plan>(prepared.compiled.plan);
  RunOptions run_options;
  run_options.seed = 3;
  run_options.threads = threads;
  Run<float> run(plan, run_options);
  run.set_parameters(prepared.parameters);
  run.forward(prepared.batch);
  Found found;
  for (const OutputRef& output : plan->outputs) {
    if (plan->value(output.node).space.on_batch()) found.outputs.emplace_back(output.name, run.value(output.node));
  }
  if (!gradients) return found;
  run.backward();
  for (std::size_t k = 0; k < plan->gradients.size(); ++k) {
    const std::string& name = plan->value(plan->gradients[k].first).name;
    if (prepared.batch.inputs.contains(name)) found.gradients.emplace_back(name, run.gradient_value(k));
  }
  return found;
}

bool same_bits(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0 || (a == 0 && b == 0); }

// Row `row` of the part is row `of` of the whole; what the one lacks at the ends of runs is 0 in the other.
void expect_row(const Array<float>& whole, std::int64_t of, const Array<float>& part, std::int64_t row, const std::string& what) {
  ASSERT_EQ(whole.dims.size(), part.dims.size()) << what;
  std::vector<std::int64_t> dims = whole.dims;
  for (std::size_t k = 1; k < dims.size(); ++k) dims[k] = std::max(dims[k], part.dims[k]);
  const auto value = [](const Array<float>& array, const std::vector<std::int64_t>& place) {
    std::size_t flat = 0;
    for (std::size_t k = 0; k < place.size(); ++k) {
      if (place[k] >= array.dims[k]) return 0.0F;
      flat = flat * static_cast<std::size_t>(array.dims[k]) + static_cast<std::size_t>(place[k]);
    }
    return array.data[flat];
  };
  std::vector<std::int64_t> place(dims.size(), 0);
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return;
  for (bool more = true; more;) {
    place[0] = of;
    const float expected = value(whole, place);
    place[0] = row;
    const float found = value(part, place);
    ASSERT_TRUE(same_bits(expected, found)) << what << " of row " << of << ": " << expected << " and " << found;
    std::size_t k = dims.size();
    while (--k > 0 && ++place[k] == dims[k]) place[k] = 0;
    more = k > 0;
  }
}

void expect_rows(const Arrays& whole, const Arrays& part, const std::vector<std::int64_t>& rows) {
  ASSERT_EQ(whole.size(), part.size());
  for (std::size_t k = 0; k < whole.size(); ++k) {
    for (std::size_t row = 0; row < rows.size(); ++row) {
      expect_row(whole[k].second, rows[row], part[k].second, static_cast<std::int64_t>(row), whole[k].first);
    }
  }
}

class EveryModel : public ::testing::TestWithParam<std::string> {
 protected:
  // What it does with each mode that makes a difference.
  template <class Check>
  void in_each_mode(const Check& check) {
    const Model model = small(GetParam());
    for (const Mode mode : {Mode::kTrain, Mode::kEval, Mode::kDecode}) {
      if (mode == Mode::kDecode && !decodes(model)) continue;
      TrialSizes sizes;
      sizes.rows = kRows;
      sizes.longest = 5;
      check(model, trial_feed(model, mode, 7, sizes), mode);
    }
  }
  static std::vector<std::int64_t> all() { return {0, 1, 2, 3, 4}; }
};
INSTANTIATE_TEST_SUITE_P(All, EveryModel, ::testing::ValuesIn(names()), [](const auto& test) { return test.param; });

TEST_P(EveryModel, GivesAPermutedBatchThePermutedResult) {
  in_each_mode([](const Model& model, const Feed& feed, Mode mode) {
    const bool gradients = mode != Mode::kDecode && !model.container().losses.empty();
    const Found whole = run(model, feed, mode, all(), gradients);
    const std::vector<std::int64_t> rows = {3, 0, 4, 2, 1};
    const Found permuted = run(model, feed, mode, rows, gradients, 2);
    expect_rows(whole.outputs, permuted.outputs, rows);
    expect_rows(whole.gradients, permuted.gradients, rows);
  });
}

TEST_P(EveryModel, GivesABatchWhatItGivesEachExample) {
  in_each_mode([](const Model& model, const Feed& feed, Mode mode) {
    const Found whole = run(model, feed, mode, all(), false);
    ASSERT_FALSE(whole.outputs.empty());
    for (const std::int64_t row : all()) expect_rows(whole.outputs, run(model, feed, mode, {row}, false).outputs, {row});
  });
}

// Each either gives chunks what it gives the whole, or says which of its reads needs more than what has been: those listed read t both
// ways, its end, windows of it, or have it within another axis.
TEST(Chunked, ModelsThatAreCausalEqualTheWhole) {
  std::vector<std::string> refused;
  for (const std::string& name : names()) {
    const Model model = small(name);
    TrialSizes sizes;
    sizes.rows = kRows;
    sizes.longest = 7;
    const Feed feed = trial_feed(model, Mode::kEval, 5, sizes);
    EvaluateOptions options;
    const Arrays whole = evaluate<float>(model, feed, options).outputs;
    options.chunks = 2;
    try {
      expect_rows(whole, evaluate<float>(model, feed, options).outputs, {0, 1, 2, 3, 4});
    } catch (const ModelError& error) {
      EXPECT_THAT(error.what(), HasSubstr("E0609: the model cannot be run step by step along t: ")) << name;
      refused.push_back(name);
    }
  }
  EXPECT_THAT(refused,
              ::testing::UnorderedElementsAre("bidirectional", "cascade", "cascade_norm", "classifier", "cnn_lstm", "conditioned_weather",
                                              "denoising_autoencoder", "image_rows", "program_evaluation", "set_of_sequences",
                                              "set_of_sequences_lstm", "set_share", "spam", "spam_lines", "stacked_denoiser", "sunspots"));
}

}  // namespace
}  // namespace tapeloop
