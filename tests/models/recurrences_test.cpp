// Recurrences that are run another way than step by step: the same bits as step by step, whatever the batch, in float too.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "compiler/frontend/container_reader.h"
#include "models/facade/session.h"

namespace tapeloop {
namespace {

constexpr std::int64_t kSteps = 40;

struct Recurrence {
  const char* name;
  const char* nodes;
  const char* more = "";
};
void PrintTo(const Recurrence& recurrence, std::ostream* out) { *out << recurrence.name; }

const Recurrence kRecurrences[] = {
    {"gated", "z: sigmoid(x)\n  h: (1 - z) * h_tm1 + z * x"},
    {"added_first", "h: sigmoid(x) * (h_tm1 + x)"},
    {"subtracted", "h: x - 0.5 * h_tm1"},
    {"running_sum", "h: h_tm1 + x"},
    {"own_factors", "h: 0.9 * w * h_tm1 + x", "parameters: {w: {shape: [units], init: ones}}\n"},
    {"one_factor_a_point", "h: mean(x, along=shape) * h_tm1 + x"},
    {"coupled", "a: 0.5 * h_tm1 + 0.3 * a_tm1 * x\n  h: 0.4 * a - 0.2 * h_tm1 + x"},
    {"not_linear", "h: tanh(0.5 * h_tm1 + x) * sigmoid(x)"},
    {"over_the_shape", "h: softmax(h_tm1 + x, along=shape)"},
    {"two_delays", "h: 0.5 * h_tm1 + 0.3 * h_tm3 * x + x"},
    {"far", "h: 0.5 * h_tm2 * x + x"},
    {"from_the_end", "z: sigmoid(x)\n  h: z * h_tp1 + x"},
    {"started", "h: 0.9 * h_tm1 + x", "states: {h: tanh(c)}\n"},
    {"products_far", "h: tanh(linear(x, h_tm2, units=units))"},
    {"products_farther", "h: tanh(linear(x, h_tm3, h_tm5, units=units)) * h_tm4 + x"},
    {"products_far_ahead", "h: tanh(linear(x, h_tp2, units=units))"},
};

Model model_of(const Recurrence& recurrence, std::int64_t units) {
  const std::string text = "tapeloop: 1\noptions: {units: " + std::to_string(units) +
                           "}\ninputs: {x: {shape: [units]}, c: {shape: [units], axes: []}}\n" + recurrence.more + "nodes:\n  " +
                           recurrence.nodes + "\noutputs: [h]\n";
  Diagnostics diagnostics;
  std::optional<Container> container = read_container(text, "recurrence.yaml", "", diagnostics);
  raise_errors(diagnostics);
  return Model(*std::move(container));
}

struct Trial {
  Batch<float> batch;
  Cotangents<float> cotangents;
};

struct Found {
  Array<float> h, dx;
  std::vector<Array<float>> gradients;
};

Array<float> numbers(std::vector<std::int64_t> dims, std::mt19937& random) {
  std::uniform_real_distribution<float> any(-1, 1);
  Array<float> made{std::move(dims), {}};
  std::int64_t count = 1;
  for (const std::int64_t dim : made.dims) count *= dim;
  for (std::int64_t k = 0; k < count; ++k) made.data.push_back(any(random));
  return made;
}

Trial trial_of(std::int64_t rows, std::int64_t units, bool ragged) {
  std::mt19937 random(7);
  Trial trial;
  trial.batch.rows = rows;
  trial.batch.inputs["x"] = numbers({rows, kSteps, units}, random);
  trial.batch.inputs["c"] = numbers({rows, units}, random);
  trial.cotangents["h"] = numbers({rows, kSteps, units}, random);
  for (std::int64_t row = 0; row < rows; ++row) {
    trial.batch.lengths["t"].push_back(ragged && row != 1 ? static_cast<std::int32_t>(random() % (kSteps + 1)) : kSteps);
  }
  return trial;
}

// Rows of a trial in another order, with so many positions: more than there are is padding.
Trial part_of(const Trial& whole, const std::vector<std::int64_t>& rows, std::int64_t steps) {
  const auto picked = [&](const Array<float>& from) {
    const std::int64_t of_row = static_cast<std::int64_t>(from.data.size()) / whole.batch.rows;
    Array<float> to{from.dims, {}};
    to.dims[0] = static_cast<std::int64_t>(rows.size());
    const std::int64_t wanted = from.dims.size() == 3 ? steps * from.dims[2] : of_row;
    if (from.dims.size() == 3) to.dims[1] = steps;
    for (const std::int64_t row : rows) {
      for (std::int64_t k = 0; k < wanted; ++k) to.data.push_back(k < of_row ? from.data[static_cast<std::size_t>(row * of_row + k)] : 99);
    }
    return to;
  };
  Trial trial;
  trial.batch.rows = static_cast<std::int64_t>(rows.size());
  for (const auto& [name, array] : whole.batch.inputs) trial.batch.inputs[name] = picked(array);
  trial.cotangents["h"] = picked(whole.cotangents.at("h"));
  for (const std::int64_t row : rows) trial.batch.lengths["t"].push_back(whole.batch.lengths.at("t")[static_cast<std::size_t>(row)]);
  return trial;
}

Found run(const Model& model, const Trial& trial, std::int64_t units, int threads, const std::vector<std::string>& without) {
  SessionOptions options;
  options.mode = Mode::kTrain;
  options.shapes = {{"x", {units}}, {"c", {units}}};
  options.input_gradients = true;
  options.seed = 3;
  options.threads = threads;
  options.without = without;
  Session<float> session(model, options);
  session.forward(trial.batch);
  session.backward(trial.cotangents);
  Found found{session.value("h"), session.gradient("x"), {}};
  for (const auto& [leaf, gradient] : session.plan().gradients)
    found.gradients.push_back(session.gradient(session.plan().value(leaf).name));
  return found;
}

void expect_same_bits(const Array<float>& a, const Array<float>& b) {
  ASSERT_EQ(a.dims, b.dims);
  EXPECT_EQ(std::memcmp(a.data.data(), b.data.data(), a.data.size() * sizeof(float)), 0);
}

// Row `row` of a is row `other` of b, as far as both go.
void expect_same_row(const Array<float>& a, std::int64_t row, const Array<float>& b, std::int64_t other) {
  const std::int64_t in_a = a.dims[1] * a.dims[2], in_b = b.dims[1] * b.dims[2];
  EXPECT_EQ(std::memcmp(a.data.data() + row * in_a, b.data.data() + other * in_b, static_cast<std::size_t>(std::min(in_a, in_b)) * 4), 0);
}

class Recurrences : public testing::TestWithParam<Recurrence> {};

TEST_P(Recurrences, HaveTheBitsOfOneStepAfterTheOther) {
  for (const std::int64_t units : {1, 3, 16, 40, 70, 1100}) {
    for (const std::int64_t rows : {1, 5, 19}) {
      for (const bool ragged : {false, true}) {
        if (units > 70 && rows > 5) continue;
        SCOPED_TRACE(testing::Message() << units << " units, " << rows << " rows" << (ragged ? ", ragged" : ""));
        const Model model = model_of(GetParam(), units);
        const Trial trial = trial_of(rows, units, ragged);
        for (const std::vector<std::string>& without : {std::vector<std::string>{}, {"hoist"}, {"fuse_points"}, {"sink"}}) {
          std::vector<std::string> step_by_step = without;
          step_by_step.insert(step_by_step.end(), {"fuse_steps", "strip_mine"});
          const Found plain = run(model, trial, units, 1, step_by_step);
          const Found found = run(model, trial, units, 1, without);
          expect_same_bits(found.h, plain.h);
          expect_same_bits(found.dx, plain.dx);
          for (std::size_t k = 0; k < plain.gradients.size(); ++k) expect_same_bits(found.gradients[k], plain.gradients[k]);
        }
      }
    }
  }
}

TEST_P(Recurrences, HaveBitsThatDoNotDependOnThreadsOrNeighboursOrPadding) {
  constexpr std::int64_t kUnits = 21;
  const Model model = model_of(GetParam(), kUnits);
  const Trial trial = trial_of(37, kUnits, true);
  const Found whole = run(model, trial, kUnits, 1, {});
  for (const int threads : {2, 3}) {
    const Found found = run(model, trial, kUnits, threads, {});
    expect_same_bits(found.h, whole.h);
    expect_same_bits(found.dx, whole.dx);
    for (std::size_t k = 0; k < whole.gradients.size(); ++k) expect_same_bits(found.gradients[k], whole.gradients[k]);
  }
  std::vector<std::int64_t> permuted;
  for (std::int64_t row = 0; row < 37; ++row) permuted.push_back(row * 11 % 37);
  for (const std::vector<std::int64_t>& rows : {permuted, {1, 0, 5}, {1}}) {
    const Found found = run(model, part_of(trial, rows, kSteps + 6), kUnits, 1, {});
    for (std::size_t k = 0; k < rows.size(); ++k) {
      expect_same_row(whole.h, rows[k], found.h, static_cast<std::int64_t>(k));
      expect_same_row(whole.dx, rows[k], found.dx, static_cast<std::int64_t>(k));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Each, Recurrences, testing::ValuesIn(kRecurrences), [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tapeloop
