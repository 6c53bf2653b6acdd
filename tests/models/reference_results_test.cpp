// Eleven models against results that nobody here computed: PyTorch's automatic differentiation of the equations, written out
// step by step, in double. The files and their layout: tests/data/reference/README.md
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/facade/evaluate.h"
#include "models/facade/model.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using Json = nlohmann::ordered_json;
using testing::read_text;
using testing::source_path;

std::string dotted(std::string name) {
  std::replace(name.begin(), name.end(), '_', '.');
  return name;
}

int depth(const Json& value) { return value.is_array() ? 1 + (value.empty() ? 0 : depth(value[0])) : 0; }

// Lengths nested `inner` levels too deep, as counts: an outer axis is as long as its list of inner lengths.
Json counted(const Json& lengths, int inner) {
  if (inner == 0) return lengths;
  Json result = Json::array();
  for (const Json& value : lengths) result.push_back(depth(value) == inner ? Json(value.size()) : counted(value, inner));
  return result;
}

struct Reference {
  Json results;
  Json feed;
  std::map<std::string, Json> lengths;  // by input
};

// The results' inputs hold lengths among the arrays: 'src_lengths' are those of src, 'lengths' and 'set_lengths' those of x.
Reference read_reference(const std::string& name, const std::map<std::string, std::vector<std::string>>& axes) {
  Reference reference{Json::parse(read_text(source_path("tests/data/reference/" + name + ".json"))), Json::object(), {}};
  reference.feed = {{"parameters", Json::object()}, {"inputs", Json::object()}, {"lengths", Json::object()}};
  for (const auto& [key, value] : reference.results["parameters"].items()) reference.feed["parameters"][dotted(key)] = value;
  for (const auto& [key, value] : reference.results["inputs"].items()) {
    if (!key.ends_with("lengths")) {
      reference.feed["inputs"][key] = value;
      continue;
    }
    const std::string stem = key.size() > 8 ? key.substr(0, key.size() - 8) : "";
    const std::string owner = axes.contains(stem) ? stem : "x";
    reference.lengths[owner] = value;
    const std::vector<std::string>& on = axes.at(owner);
    for (std::size_t k = 0; k < on.size(); ++k) {
      reference.feed["lengths"][on[k]] = counted(value, static_cast<int>(on.size() - 1 - k));
    }
  }
  return reference;
}

std::map<std::string, std::vector<std::string>> axes_of_inputs(const Model& model) {
  std::map<std::string, std::vector<std::string>> axes;
  for (const auto& item : model.container().inputs) {
    axes[item.key] = item.value.has_axes ? item.value.axes : std::vector<std::string>{"t"};
  }
  return axes;
}

void flatten(const Json& value, std::vector<double>& numbers) {
  if (!value.is_array()) return numbers.push_back(value.get<double>());
  for (const Json& item : value) flatten(item, numbers);
}

// The largest difference, relative to the largest entry.
void expect_near(const Json& found, const Json& expected, double allowed, const std::string& what) {
  std::vector<double> a, b;
  flatten(found, a);
  flatten(expected, b);
  ASSERT_EQ(a.size(), b.size()) << what;
  double largest = 1e-3, difference = 0;
  for (std::size_t k = 0; k < b.size(); ++k) {
    largest = std::max(largest, std::abs(b[k]));
    difference = std::max(difference, std::abs(a[k] - b[k]));
    ASSERT_FALSE(std::isnan(a[k])) << what;
  }
  EXPECT_LE(difference / largest, allowed) << what;
}

// Written without the padding: one row for each real step.
Json real_steps(const Json& padded, const Json& lengths) {
  Json result = Json::array();
  for (std::size_t row = 0; row < padded.size(); ++row) {
    for (int k = 0; k < lengths[row].get<int>(); ++k) result.push_back(padded[row][static_cast<std::size_t>(k)]);
  }
  return result;
}

// "weighted:NAME,.." where the results' loss is that formula, "" for the model's own.
std::string loss_of(const Json& results) {
  const std::string text = results["loss_is"];
  if (!text.starts_with("sum_k sin")) return "";
  std::string names;
  for (const auto& [name, value] : results["outputs"].items()) {
    const std::size_t at = text.find(name);
    if (at != std::string::npos) names += (names.empty() ? "" : ",") + name;
  }
  return "weighted:" + names;
}

template <class T>
void check(const std::string& name, bool by_reference, double allowed) {
  const Model model = Model::load(source_path("tests/data/reference/models/" + name + ".yaml"));
  const Reference reference = read_reference(name, axes_of_inputs(model));
  EvaluateOptions options;
  options.gradients = true;
  options.reference = by_reference;
  options.loss = loss_of(reference.results);
  const Evaluated<T> result = evaluate<T>(model, parse_feed(reference.feed.dump(), name + ".json"), options);
  const Json found = Json::parse(result.json());

  const bool unpadded = reference.results["layout"].get<std::string>().find("one row per real target step") != std::string::npos;
  for (const auto& [output, expected] : reference.results["outputs"].items()) {
    const Json& y = found["outputs"][output];
    expect_near(unpadded ? real_steps(y, reference.lengths.at("tgt")) : y, expected, allowed, "output " + output);
  }
  expect_near(found["loss"], reference.results["loss"], allowed, "loss");
  for (const auto& [parameter, expected] : reference.results["grads"].items()) {
    const std::string key = reference.feed["inputs"].contains(parameter) ? parameter : dotted(parameter);
    ASSERT_TRUE(found["grads"].contains(key)) << key;
    expect_near(found["grads"][key], expected, allowed, "gradient " + parameter);
  }
}

class ReferenceResults : public ::testing::TestWithParam<const char*> {};

TEST_P(ReferenceResults, PlanAgreesInDouble) { check<double>(GetParam(), false, 1e-10); }
TEST_P(ReferenceResults, PlanAgreesInFloat) { check<float>(GetParam(), false, 1e-5); }
TEST_P(ReferenceResults, ReferenceEvaluatorAgrees) { check<double>(GetParam(), true, 1e-10); }

INSTANTIATE_TEST_SUITE_P(Eleven, ReferenceResults,
                         ::testing::Values("bilstm_ragged", "cascade_carry", "cascade_reset", "gf_rnn", "gru_reset_after",
                                           "gru_reset_before", "lstm", "seq2seq_teacher_forced", "set_of_sequences", "simple_rnn",
                                           "taps_1_and_3"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace tapeloop
