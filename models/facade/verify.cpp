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
#include "models/facade/evaluated_finite.h"
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
constexpr double kSmallPart =
    1e-3;  // of the largest gradient: a smaller array is a sum whose terms fall away, and float keeps their roundings

double difference_of(double a, double b) {
  if (a == b) return 0;
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
      : check_{std::move(what), "", 0, allowed, ""}, allowed_(allowed), moved_(std::move(moved)) {}

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
    if (!check_.worst.empty() && part_of(difference, allowed) <= part_of(check_.difference, check_.allowed)) return;
    check_.worst = name;
    check_.difference = difference;
    check_.allowed = allowed;
  }
  const VerifyCheck& check() const { return check_; }

 private:
  static double part_of(double difference, double allowed) { return difference == 0 ? 0 : difference / allowed; }

  VerifyCheck check_;
  double allowed_;
  Moved moved_;
};

double largest_of(const Array<double>& array) {
  double largest = 0;
  for (const double entry : array.data) largest = std::isfinite(entry) ? std::max(largest, std::abs(entry)) : largest;
  return largest;
}

// In float an array of small gradients is as exact as the kSmallPart of the largest ones, not as its own entries are small.
void allow_for_small_sums(const Evaluated<double>::Arrays& gradients, Moved& moved) {
  double largest = 0;
  for (const auto& [name, array] : gradients) largest = std::max(largest, largest_of(array));
  for (const auto& [name, array] : gradients) {
    double& most = moved[name];
    most = std::max(most, kFloat / kRoundings * kSmallPart * largest / std::max(largest_of(array), kLeastScale));
  }
}

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
  allow_for_small_sums(expected.gradients, result.gradients);
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

template <class T>
Evaluated<double> widened(const Evaluated<T>& from) {
  const auto wide = [](const typename Evaluated<T>::Arrays& arrays) {
    Evaluated<double>::Arrays result;
    for (const auto& [name, array] : arrays) result.emplace_back(name, Array<double>{array.dims, {array.data.begin(), array.data.end()}});
    return result;
  };
  Evaluated<double> result;
  result.outputs = wide(from.outputs);
  result.gradients = wide(from.gradients);
  result.loss = from.loss;
  return result;
}

// Streams that bring the examples piece by piece. Only of models that read along t what has been.
void compare_chunks(const Model& model, const Feed& feed, EvaluateOptions options, VerifyReport& report) {
  options.gradients = false;
  options.loss.clear();
  Worst worst("values: in chunks of streams, in float", 0);
  try {
    const Evaluated<double> whole = widened(evaluate<float>(model, feed, options));
    options.chunks = 2;
    worst.compare<float>(evaluate<float>(model, feed, options).outputs, whole.outputs);
    report.checks.push_back(worst.check());
  } catch (const ModelError& error) {
    VerifyCheck check = worst.check();
    check.left_out = error.list().front().message;
    report.checks.push_back(check);
  }
}

// Example k of the result is example order[k] of the list; what is no list stays.
Nested in_order(const Nested& examples, const std::vector<std::int64_t>& order) {
  Nested result = examples;
  for (std::size_t k = 0; k < order.size() && k < examples.items.size(); ++k) {
    result.items[k] = examples.items[static_cast<std::size_t>(order[k])];
  }
  return result;
}

// The other way round.
void put_back(Array<double>& array, const std::vector<std::int64_t>& order) {
  if (array.dims.empty() || array.dims[0] != static_cast<std::int64_t>(order.size())) return;
  const Array<double> from = array;
  const auto row = static_cast<std::ptrdiff_t>(array.data.size() / order.size());
  for (std::size_t k = 0; k < order.size(); ++k) {
    std::copy_n(from.data.begin() + static_cast<std::ptrdiff_t>(k) * row, row, array.data.begin() + order[k] * row);
  }
}

// No example knows its place in the batch. Values to the bit in float; gradients of parameters are sums, in another order here.
void compare_order(const Model& model, const Feed& feed, EvaluateOptions options, VerifyReport& report) {
  std::int64_t rows = 0;
  for (const auto& [name, array] : feed.inputs) rows = std::max(rows, static_cast<std::int64_t>(array.items.size()));
  Feed moved = feed;
  for (std::int64_t k = 0; k < rows; ++k) options.example_ids.push_back((k + rows / 2 + 1) % rows);  // a rotation
  const std::vector<std::int64_t> order = options.example_ids;
  for (Feed::Arrays* arrays : {&moved.inputs, &moved.lengths}) {
    for (auto& [name, array] : *arrays) array = in_order(array, order);
  }
  const bool own_loss = options.loss.empty();  // else every entry has a weight by its place
  options.gradients = own_loss;
  const auto back = [&](Evaluated<double> found) {
    for (auto& [name, array] : found.outputs) put_back(array, order);
    for (auto& [name, array] : found.gradients) {
      if (Feed::find(feed.inputs, name)) put_back(array, order);
    }
    if (!own_loss) found.loss.reset();
    return found;
  };
  EvaluateOptions as_fed = options;
  as_fed.example_ids.clear();
  Worst worst("values: in another order, in float", 0);
  worst.compare<double>(back(widened(evaluate<float>(model, moved, options))).outputs,
                        widened(evaluate<float>(model, feed, as_fed)).outputs);
  report.checks.push_back(worst.check());
  if (own_loss)
    compare_all("in another order", back(evaluate<double>(model, moved, options)), evaluate<double>(model, feed, as_fed), kDouble, report);
}

// To the bit: sums are parted by examples, not by threads. Batches of several shards of examples.
void compare_threads(const Model& model, const VerifyOptions& verify, EvaluateOptions options, VerifyReport& report) {
  constexpr std::int64_t kRows = 40;
  const Feed feed = verify.feed && !verify.drawn ? *verify.feed : trial_feed(model, verify.mode, verify.seed, {kRows, 4, 0, true});
  options.threads = 1;
  const Evaluated<double> one = widened(evaluate<float>(model, feed, options));
  options.threads = 3;
  compare_all("with three threads, in float", evaluate<float>(model, feed, options), one, 0, report);
}

// What is to blame where plan and reference evaluator differ.
std::string culprit_of(const Model& model, const Feed& feed, EvaluateOptions options, const Evaluated<double>& reference) {
  const Graph graph = prepare<double>(model, feed, options).compiled.graph;
  for (const auto& [name, node] : graph.names) {
    const Role role = graph[node].kind->role;
    if (role != Role::kInput && role != Role::kParameter) options.watch.push_back(name);
  }
  options.reference = true;
  const Evaluated<double> expected = evaluate<double>(model, feed, options);
  options.reference = false;
  std::string text = first_difference(evaluate<double>(model, feed, options).watched, expected.watched, graph, kDouble);
  if (!text.empty()) text = "the first value that differs is " + text;
  options.watch.clear();
  for (const PassInfo& pass : passes()) {
    if (!pass.optimisation) continue;
    options.without = {std::string(pass.name)};
    VerifyReport report;
    compare_all("", evaluate<double>(model, feed, options), reference, kDouble, report);
    if (report.good()) text += fmt::format("{}without {} they agree", text.empty() ? "" : "; ", pass.name);
  }
  return text;
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
  return numbers && std::all_of(checks.begin(), checks.end(), [](const VerifyCheck& check) { return check.good(); });
}

std::string first_difference(const Evaluated<double>::Arrays& found, const Evaluated<double>::Arrays& expected, const Graph& graph,
                             double allowed) {
  const Node* first = nullptr;
  for (std::size_t k = 0; k < expected.size() && k < found.size(); ++k) {
    if (relative_difference(found[k].second, expected[k].second) <= allowed) continue;
    const Node& node = graph[graph.names.at(expected[k].first)];
    const bool earlier = !first || std::pair(node.source.line, node.source.column) < std::pair(first->source.line, first->source.column);
    if (earlier) first = &node;
  }
  return first ? fmt::format("{} ({})", first->name, first->source.text(false)) : "";
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
  report.not_finite = not_finite_text<double>(model, feed, evaluation, reference);
  report.numbers = worst_of(reference) != Finite::kNaN;
  if (report.not_finite.empty()) {
    complex_step(prepare<double>(model, feed, evaluation), plan, options.seed, report);
  } else {
    report.checks.push_back({"gradients: plan against complex step", "", 0, kComplexStep, "values are not finite"});
  }
  const Evaluated<float> in_float = evaluate<float>(model, feed, evaluation);
  compare_all("in float", in_float, reference, kFloat, report, conditioning_of(model, feed, evaluation, plan));
  if (report.not_finite.empty()) {
    const std::string overflow = not_finite_text<float>(model, feed, evaluation, widened(in_float));
    if (!overflow.empty()) report.not_finite = "in float alone " + overflow + ": it ends at 3.4e38";
  }
  for (const PassInfo& pass : passes()) {
    if (!pass.optimisation) continue;
    evaluation.without = {std::string(pass.name)};
    compare_all(fmt::format("without {}", pass.name), evaluate<double>(model, feed, evaluation), plan, kDouble, report);
  }
  evaluation.without.clear();
  if (!report.checks[0].good() || !report.checks[1].good()) report.culprit = culprit_of(model, feed, evaluation, reference);
  compare_chunks(model, feed, evaluation, report);
  compare_order(model, feed, evaluation, report);
  compare_threads(model, options, evaluation, report);
  return report;
}

}  // namespace tapeloop
