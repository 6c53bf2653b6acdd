// Kinds that are equations, written out by the compiler and evaluated by the reference, against the formulas they stand for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "compiler/frontend/container_reader.h"
#include "compiler/frontend/equation_parser.h"
#include "compiler/pipeline.h"
#include "nodes/registry.h"
#include "runtime/reference.h"

namespace tapeloop {
namespace {

using Numbers = std::vector<double>;

// One example of 3 positions. x, z are on [t] of shape [4], i on [t] is an int; `equation` is that of y.
struct Setting {
  Numbers x = {0.5, -1, 2, 0.25, 30, -40, 50, 0, 700, 710, 700, -5};
  Numbers z = {1, 0, -1, 2, 1, 3, 1, 0, 4, 1, -2, 1};
  Numbers i = {2, 0, 1};
  Mode mode = Mode::kTrain;
  std::uint64_t seed = 3;
  std::map<std::string, Array<double>> parameters;

  Numbers y(const std::string& equation) const {
    const std::string text =
        "tapeloop: 1\n"
        "inputs: {x: {shape: [4]}, z: {shape: [4]}, i: {type: int}}\n"
        "nodes:\n"
        "  used: sum(x, along=shape) + sum(z, along=shape) + i\n"
        "  y: " +
        equation +
        "\n"
        "outputs: [y, used]\n";
    Diagnostics diagnostics;
    const auto container = read_container(text, "model.yaml", "", diagnostics);
    raise_errors(diagnostics);
    const Registry registry = make_registry();
    CompileOptions options;
    options.mode = mode;
    options.gradients = false;
    options.fed_shapes = {{"x", {4}}, {"z", {4}}, {"i", {}}};
    const Compiled compiled = compile(*container, options, registry, diagnostics);
    raise_errors(diagnostics);
    Batch<double> batch;
    batch.rows = 1;
    batch.lengths["t"] = {3};
    batch.inputs = {{"x", {{1, 3, 4}, x}}, {"z", {{1, 3, 4}, z}}, {"i", {{1, 3}, i}}};
    Reference<double> reference(compiled.graph, batch, parameters, seed);
    return reference.dense(compiled.graph.outputs[0].node).data;
  }
};

// f of each row of 4.
template <class F>
Numbers rows(const Numbers& x, const F& f) {
  Numbers result;
  for (std::size_t row = 0; row < x.size(); row += 4) {
    const Numbers one = f(Numbers(x.begin() + static_cast<std::ptrdiff_t>(row), x.begin() + static_cast<std::ptrdiff_t>(row) + 4));
    result.insert(result.end(), one.begin(), one.end());
  }
  return result;
}

Numbers log_softmax(const Numbers& x) {
  const double most = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double value : x) sum += std::exp(value - most);
  Numbers result;
  for (const double value : x) result.push_back(value - most - std::log(sum));
  return result;
}

Numbers softmax(const Numbers& x) {
  Numbers result = log_softmax(x);
  for (double& value : result) value = std::exp(value);
  return result;
}

// Columns of a [3, 4] matrix as rows and back.
Numbers turned(const Numbers& x, std::size_t height) {
  const std::size_t width = x.size() / height;
  Numbers result(x.size());
  for (std::size_t k = 0; k < x.size(); ++k) result[k % width * height + k / width] = x[k];
  return result;
}

void expect_near(const Numbers& found, const Numbers& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t k = 0; k < found.size(); ++k) EXPECT_NEAR(found[k], expected[k], 1e-12 * (1 + std::abs(expected[k]))) << "element " << k;
}

TEST(Composites, SoftmaxIsStableOverFeaturesShapeAndAxis) {
  const Setting s;
  expect_near(s.y("softmax(x)"), rows(s.x, softmax));
  expect_near(s.y("log_softmax(x)"), rows(s.x, log_softmax));
  expect_near(s.y("softmax(x, along=shape)"), rows(s.x, softmax));
  expect_near(s.y("log_softmax(x, along=shape)"), rows(s.x, log_softmax));
  const auto over_positions = [&](auto f) {
    Numbers result;
    const Numbers columns = turned(s.x, 3);
    for (std::size_t k = 0; k < 12; k += 3) {
      const Numbers one =
          f(Numbers(columns.begin() + static_cast<std::ptrdiff_t>(k), columns.begin() + static_cast<std::ptrdiff_t>(k) + 3));
      result.insert(result.end(), one.begin(), one.end());
    }
    return turned(result, 4);
  };
  expect_near(s.y("softmax(x, along=t)"), over_positions(softmax));
  expect_near(s.y("log_softmax(x, along=t)"), over_positions(log_softmax));
}

TEST(Composites, AttendAveragesByTheWeightsOfTheScores) {
  const Setting s;
  const Numbers weights = softmax(s.i);
  Numbers expected(4);
  for (std::size_t k = 0; k < 12; ++k) expected[k % 4] += weights[k / 4] * s.z[k];
  expect_near(s.y("attend(i, z, along=t)"), expected);
}

TEST(Composites, LossesAreScalarsAtEachPosition) {
  const Setting s;
  const auto mean = [&](auto f) {
    Numbers result(3);
    for (std::size_t k = 0; k < 12; ++k) result[k / 4] += f(s.x[k], s.z[k]) / 4;
    return result;
  };
  expect_near(s.y("mse(x, z)"), mean([](double x, double z) { return (x - z) * (x - z); }));
  expect_near(s.y("mae(x, z)"), mean([](double x, double z) { return std::abs(x - z); }));
  expect_near(s.y("binary_cross_entropy(x, z)"),
              mean([](double x, double z) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))) - z * x; }));
  const Numbers logs = rows(s.x, log_softmax);
  expect_near(s.y("cross_entropy(x, i)"), {-logs[2], -logs[4], -logs[9]});
}

TEST(Composites, NormsAndUnits) {
  const Setting s;
  expect_near(s.y("norm(z)"), {std::sqrt(6.0), std::sqrt(11.0), std::sqrt(22.0)});
  expect_near(s.y("mean(z, along=shape)"), {0.5, 1.25, 1});
  Numbers silu;
  for (const double z : s.z) silu.push_back(z / (1 + std::exp(-z)));
  expect_near(s.y("silu(z)"), silu);
}

TEST(Composites, ActivationsAreTheirFormulas) {
  const Setting s;
  const auto each = [&](auto f) {
    Numbers result;
    for (const double x : s.x) result.push_back(f(x));
    return result;
  };
  expect_near(s.y("gelu(x)"), each([](double x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }));
  expect_near(s.y("elu(x)"), each([](double x) { return x > 0 ? x : std::exp(x) - 1; }));
  expect_near(s.y("elu(x, alpha=0.5)"), each([](double x) { return x > 0 ? x : (std::exp(x) - 1) / 2; }));
  expect_near(s.y("leaky_relu(x)"), each([](double x) { return x > 0 ? x : 0.01 * x; }));
  expect_near(s.y("hard_sigmoid(x)"), each([](double x) { return std::clamp(0.2 * x + 0.5, 0.0, 1.0); }));
  expect_near(s.y("hard_tanh(x)"), each([](double x) { return std::clamp(x, -1.0, 1.0); }));
  expect_near(s.y("softsign(x)"), each([](double x) { return x / (1 + std::abs(x)); }));
  EXPECT_EQ(s.y("straight_through(x > 0, x)"), each([](double x) { return x > 0 ? 1.0 : 0.0; }));
}

TEST(Composites, HuberAndTheDivergenceOfNormals) {
  const Setting s;
  const auto mean = [](double delta) {
    return [=](const Numbers& e) {
      double sum = 0;
      for (const double x : e) sum += std::abs(x) <= delta ? x * x / 2 : delta * (std::abs(x) - delta / 2);
      return Numbers{sum / 4};
    };
  };
  Numbers off;
  for (std::size_t k = 0; k < 12; ++k) off.push_back(s.x[k] - s.z[k]);
  expect_near(s.y("huber(x, z)"), rows(off, mean(1)));
  expect_near(s.y("huber(x, z, delta=2.5)"), rows(off, mean(2.5)));
  Numbers divergence(3);
  for (std::size_t k = 0; k < 12; ++k) divergence[k / 4] += (std::exp(s.z[k]) + s.x[k] * s.x[k] - 1 - s.z[k]) / 2;
  expect_near(s.y("kl_normal(x, z)"), divergence);
}

TEST(Composites, LayerNormAndScaleLearnAFactorForEachFeature) {
  Setting s;
  s.parameters = {{"y.scale.weight", {{4}, {1, 2, 3, 4}}}};
  Numbers scaled;
  for (std::size_t k = 0; k < 12; ++k) scaled.push_back(s.z[k] * static_cast<double>(k % 4 + 1));
  expect_near(s.y("scale(z)"), scaled);
  s.parameters = {{"y.layer_norm.gain", {{4}, {1, 2, 3, 4}}}, {"y.layer_norm.bias", {{4}, {0, 0, 5, 0}}}};
  expect_near(s.y("layer_norm(z)"), rows(s.z, [](const Numbers& z) {
                const double mean = std::accumulate(z.begin(), z.end(), 0.0) / 4;
                double variance = 0;
                for (const double value : z) variance += (value - mean) * (value - mean) / 4;
                Numbers result;
                for (std::size_t k = 0; k < 4; ++k) {
                  result.push_back((z[k] - mean) / std::sqrt(variance + 1e-5) * static_cast<double>(k + 1) + (k == 2 ? 5 : 0));
                }
                return result;
              }));
}

TEST(Composites, ConvolutionIsThatOfItsDefinition) {
  const Setting s;  // a width of 4, one channel, kernel 1, 2, 3: y[p] = x[p-1] + 2 x[p] + 3 x[p+1]
  const Numbers found =
      s.y("reshape(conv1d(reshape(z, shape=[4, 1]), reshape(concat(reshape(i * 0 + 1, shape=[1]), "
          "reshape(i * 0 + 2, shape=[1]), reshape(i * 0 + 3, shape=[1])), shape=[3, 1, 1])), shape=[4])");
  expect_near(found, rows(s.z, [](const Numbers& z) {
                return Numbers{2 * z[0] + 3 * z[1], z[0] + 2 * z[1] + 3 * z[2], z[1] + 2 * z[2] + 3 * z[3], z[2] + 2 * z[3]};
              }));
}

TEST(Composites, ConvolutionOfAPlaneIsThatOfItsDefinition) {
  const Setting s;  // a plane of 2 x 2, one channel, kernel 1 above 2: y[i, j] = x[i, j] + 2 x[i + 1, j]
  const std::string kernel = "reshape(concat(reshape(i * 0 + 1, shape=[1]), reshape(i * 0 + 2, shape=[1])), shape=[2, 1, 1, 1])";
  const Numbers found = s.y("reshape(conv2d(reshape(z, shape=[2, 2, 1]), " + kernel + "), shape=[4])");
  expect_near(found, rows(s.z, [](const Numbers& z) { return Numbers{z[0] + 2 * z[2], z[1] + 2 * z[3], z[2], z[3]}; }));
  const Numbers strided = s.y("reshape(conv2d(reshape(z, shape=[2, 2, 1]), " + kernel + ", stride=2), shape=[1])");
  expect_near(strided, rows(s.z, [](const Numbers& z) { return Numbers{z[0] + 2 * z[2]}; }));
}

TEST(Composites, DropoutAndZoneoutDrawInTrainingOnly) {
  Setting s;
  s.mode = Mode::kEval;
  EXPECT_EQ(s.y("dropout(z, 0.5)"), s.z);
  EXPECT_EQ(s.y("zoneout(z, x, 0.5)"), s.z);
  s.mode = Mode::kTrain;
  int dropped = 0;
  int zoned = 0;
  for (s.seed = 0; s.seed < 40; ++s.seed) {
    const Numbers d = s.y("dropout(z, 0.25)");
    const Numbers o = s.y("zoneout(z, x, 0.25)");
    for (std::size_t k = 0; k < 12; ++k) {
      EXPECT_TRUE(d[k] == 0 || std::abs(d[k] - s.z[k] / 0.75) < 1e-12);
      EXPECT_TRUE(o[k] == s.z[k] || o[k] == s.x[k]);
      dropped += d[k] == 0 && s.z[k] != 0;
      zoned += o[k] == s.x[k] && s.x[k] != s.z[k];
    }
  }
  EXPECT_NEAR(dropped / 400.0, 0.25, 0.07);  // 10 of the 12 are not 0 anyway
  EXPECT_NEAR(zoned / 440.0, 0.25, 0.07);    // one element is the same in both
}

TEST(Composites, ASequenceIsDroppedAsAWhole) {
  Setting s;
  s.z = Numbers(12, 1.0);
  for (s.seed = 0; s.seed < 10; ++s.seed) {
    const Numbers d = s.y("dropout(z, 0.5, per=sequence)");
    for (std::size_t k = 4; k < 12; ++k) EXPECT_EQ(d[k], d[k - 4]);
  }
  const Numbers uniform = s.y("uniform(z, 2, 3)");
  for (const double value : uniform) EXPECT_TRUE(value >= 2 && value < 3);
  EXPECT_NE(uniform[0], uniform[4]);
  const Numbers normal = s.y("normal(z, mean=10, deviation=0.1)");
  for (const double value : normal) EXPECT_NEAR(value, 10, 1);
}

void names_of(const Expression& tree, std::vector<std::string>& values, std::vector<std::string>& ops) {
  if (tree.kind == Expression::Kind::kName) values.push_back(tree.text);
  if (tree.kind == Expression::Kind::kCall) ops.push_back(tree.text);
  for (const ExpressionPtr& arg : tree.args) names_of(*arg, values, ops);
  for (const auto& [name, value] : tree.options) names_of(*value, values, ops);
}

TEST(Composites, EveryEquationReadsOnlyWhatItsRecordHas) {
  const Registry registry = make_registry();
  for (const NodeKind* kind : registry.all()) {
    if (kind->role != Role::kComposite) continue;
    std::vector<std::string> known(kind->operands.begin(), kind->operands.end());
    for (const OptionSpec& option : kind->options) known.emplace_back(option.name);
    for (const OwnParameter& parameter : kind->parameters) known.emplace_back(parameter.name);
    for (const std::string_view text : {kind->equation, kind->outside_train}) {
      if (text.empty()) continue;
      Diagnostics diagnostics;
      const ExpressionPtr tree = parse_equation(text, {}, diagnostics);
      ASSERT_TRUE(tree && !diagnostics.has_errors()) << kind->name;
      std::vector<std::string> values;
      std::vector<std::string> ops;
      names_of(*tree, values, ops);
      for (const std::string& value : values) EXPECT_THAT(known, ::testing::Contains(value)) << kind->name;
      for (const std::string& op : ops) EXPECT_TRUE(registry.find(op)) << kind->name << " uses " << op;
    }
  }
}

}  // namespace
}  // namespace tapeloop
