#include "models/facade/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <map>
#include <random>

#include "core/kind.h"
#include "models/facade/evaluate.h"
#include "models/facade/trial_feed.h"
#include "runtime/reference.h"

namespace tapeloop {
namespace {

using Complex = std::complex<double>;

constexpr double kDouble = 1e-12;  // plan against reference evaluator, optimisations off
constexpr double kFloat = 2e-5;    // the same in float, where the numbers that are fed are known well enough for it
constexpr double kRoundings = 4;   // of float along a value's way, besides that of what is fed
constexpr int kPerturbations = 3;
constexpr double kComplexStep = 1e-10;  // gradients
constexpr double kStep = 1e-30;
constexpr double kLeastScale = 1e-3;  // where all entries are rounding noise

double difference_of(double a, double b) {
  if (std::isnan(a) && std::isnan(b)) return 0;
  const double difference = std::abs(a - b);
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

// The largest difference of two entries, relative to the largest entry.
template <class T>
double relative_difference(const Array<T>& found, const Array<double>& expected) {
  if (found.dims != expected.dims) return std::numeric_limits<double>::infinity();
  double largest = kLeastScale, difference = 0;
  for (std::size_t k = 0; k < expected.data.size(); ++k) {
    if (std::isfinite(expected.data[k])) largest = std::max(largest, std::abs(expected.data[k]));
    difference = std::max(difference, difference_of(static_cast<double>(found.data[k]), expected.data[k]));
  }
  return difference / largest;
}

// By array: how far it moves where all that is fed moves by about what float rounds. No evaluation in float can do better.
using Moved = std::map<std::string, double>;

void add_moved(const Evaluated<double>::Arrays& found, const Evaluated<double>::Arrays& expected, Moved& moved) {
  for (std::size_t k = 0; k < expected.size() && k < found.size(); ++k) {
    double& most = moved[expected[k].first];
    most = std::max(most, relative_difference(found[k].second, expected[k].second));
  }
}

void perturb(Nested& nested, std::mt19937_64& random) {
  const double direction = 2 * static_cast<double>(random() >> 11) * 0x1.0p-53 - 1;
  nested.number *= 1 + direction * static_cast<double>(std::numeric_limits<float>::epsilon());
  for (Nested& item : nested.items) perturb(item, random);
}

// Keeps the worst of many comparisons, each against what is allowed for it.
class Worst {
 public:
  Worst(std::string what, double allowed, Moved moved = {})
      : check_{std::move(what), "", 0, allowed}, allowed_(allowed), moved_(std::move(moved)) {}

  template <class T>
  void compare(const std::string& name, const Array<T>& found, const Array<double>& expected) {
    take(name, relative_difference(found, expected));
  }

  template <class T>
  void compare(const typename Evaluated<T>::Arrays& found, const Evaluated<double>::Arrays& expected) {
    for (const auto& [name, array] : expected) {
      const auto same = [&, &wanted = name](const auto& entry) { return entry.first == wanted; };
      const auto other = std::find_if(found.begin(), found.end(), same);
      if (other == found.end()) {
        take(name, std::numeric_limits<double>::infinity());
      } else {
        compare(name, other->second, array);
      }
    }
  }

  void take(const std::string& name, double difference) {
    const auto moved = moved_.find(name);
    const double allowed = moved == moved_.end() ? allowed_ : std::max(allowed_, kRoundings * moved->second);
    if (difference / allowed <= check_.difference / check_.allowed && !check_.worst.empty()) return;
    check_.worst = name;
    check_.difference = difference;
    check_.allowed = allowed;
  }
  const VerifyCheck& check() const { return check_; }

 private:
  VerifyCheck check_;
  double allowed_;
  Moved moved_;
};

struct Conditioning {
  Moved values, gradients;
};

Conditioning conditioning_of(const Model& model, const Feed& feed, const EvaluateOptions& options, const Evaluated<double>& expected) {
  Conditioning result;
  const Graph graph = prepare<double>(model, feed, options).compiled.graph;
  std::mt19937_64 random(options.seed);
  for (int k = 0; k < kPerturbations; ++k) {
    Feed moved = feed;
    for (Feed::Arrays* arrays : {&moved.parameters, &moved.inputs}) {
      for (auto& [name, array] : *arrays) {
        const auto leaf = graph.names.find(name);
        if (leaf != graph.names.end() && graph[leaf->second].type == Type::kFloat) perturb(array, random);
      }
    }
    const Evaluated<double> found = evaluate<double>(model, moved, options);
    add_moved(found.outputs, expected.outputs, result.values);
    add_moved(found.gradients, expected.gradients, result.gradients);
    if (found.loss && expected.loss) add_moved({{"loss", {{}, {*found.loss}}}}, {{"loss", {{}, {*expected.loss}}}}, result.values);
  }
  return result;
}

template <class T>
void compare_all(const std::string& what, const Evaluated<T>& found, const Evaluated<double>& expected, double allowed,
                 VerifyReport& report, const Conditioning& conditioning = {}) {
  Worst values("values: " + what, allowed, conditioning.values), gradients("gradients: " + what, allowed, conditioning.gradients);
  values.compare<T>(found.outputs, expected.outputs);
  if (found.loss && expected.loss) values.compare("loss", Array<double>{{}, {*found.loss}}, Array<double>{{}, {*expected.loss}});
  gradients.compare<T>(found.gradients, expected.gradients);
  report.checks.push_back(values.check());
  report.checks.push_back(gradients.check());
}

// The loss of the forward equations alone, by the reference evaluator in complex numbers.
Complex complex_loss(const Prepared<double>& prepared, Reference<Complex>& reference) {
  const Graph& graph = prepared.compiled.graph;
  if (!prepared.from_cotangents) return reference.parameter_space(graph.total_loss).data[0];
  Complex loss = 0;
  for (const OutputRef& output : graph.outputs) {
    const Array<Complex> y = reference.dense(output.node);
    for (std::size_t k = 0; k < y.data.size(); ++k) {
      loss += std::sin(0.7 * static_cast<double>(k) + 0.3) * y.data[k] + 0.5 * y.data[k] * y.data[k];
    }
  }
  return loss;
}

// d loss / d leaf along a random direction: all its elements take an imaginary step at once.
void complex_step(const Prepared<double>& prepared, const Evaluated<double>& found, std::uint64_t seed, VerifyReport& report) {
  Worst worst("gradients: plan against complex step", kComplexStep);
  const Graph& graph = prepared.compiled.graph;
  std::mt19937_64 random(seed);
  for (const auto& [name, gradient] : found.gradients) {
    Reference<Complex> reference(graph, prepared.batch, prepared.parameters, seed);
    const NodeId leaf = graph.names.at(name);
    double expected = 0, scale = kLeastScale;
    for (std::size_t k = 0; k < gradient.data.size(); ++k) {
      const double direction = 2 * static_cast<double>(random() >> 11) * 0x1.0p-53 - 1;
      reference.perturb(leaf, static_cast<std::int64_t>(k), Complex(0, kStep * direction));
      expected += gradient.data[k] * direction;
      scale = std::max(scale, std::abs(gradient.data[k]));
    }
    const double exact = complex_loss(prepared, reference).imag() / kStep;
    worst.take(name, difference_of(expected, exact) / scale);
  }
  report.checks.push_back(worst.check());
}

// In a mode that decides an axis there is no loss of what is only known along it.
bool has_loss(const Model& model, Mode mode) {
  CompileOptions options;
  options.mode = mode;
  options.gradients = false;
  return model.compile(options).graph.total_loss != kNone;
}

}  // namespace

bool VerifyReport::good() const {
  return std::all_of(checks.begin(), checks.end(), [](const VerifyCheck& check) { return check.good(); });
}

VerifyReport verify_model(const Model& model, const VerifyOptions& options) {
  const Feed feed = options.feed ? *options.feed : trial_feed(model, options.mode, options.seed);
  EvaluateOptions evaluation;
  evaluation.gradients = true;
  evaluation.mode = options.mode;
  evaluation.seed = options.seed;
  evaluation.threads = options.threads;
  if (!has_loss(model, options.mode)) evaluation.loss = "weighted";

  VerifyReport report;
  const Evaluated<double> plan = evaluate<double>(model, feed, evaluation);
  evaluation.reference = true;
  const Evaluated<double> reference = evaluate<double>(model, feed, evaluation);
  evaluation.reference = false;
  compare_all("plan against reference evaluator", plan, reference, kDouble, report);
  complex_step(prepare<double>(model, feed, evaluation), plan, options.seed, report);
  compare_all("in float", evaluate<float>(model, feed, evaluation), reference, kFloat, report,
              conditioning_of(model, feed, evaluation, plan));
  for (const PassInfo& pass : passes()) {
    if (!pass.optimisation) continue;
    evaluation.without = {std::string(pass.name)};
    compare_all(fmt::format("without {}", pass.name), evaluate<double>(model, feed, evaluation), plan, kDouble, report);
  }
  return report;
}

}  // namespace tapeloop
