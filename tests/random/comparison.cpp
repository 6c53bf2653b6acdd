#include "tests/random/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "compiler/dump.h"
#include "compiler/frontend/container_reader.h"
#include "compiler/pipeline.h"
#include "runtime/complex_step.h"
#include "runtime/draws.h"
#include "runtime/reference.h"

namespace tapeloop {
namespace {

using Arrays = std::map<std::string, Array<double>>;

struct Results {
  Arrays values;
  Arrays gradients;
};

// At least 1e-3: where all entries cancel to nothing, what is left is rounding.
double largest(const Arrays& arrays) {
  double found = 1e-3;
  for (const auto& [name, array] : arrays) {
    for (const double value : array.data) found = std::max(found, std::abs(value));
  }
  return found;
}

// The worst entry of each array that differs by more than `bound`, one a line.
std::string differences(const std::string& what, const Arrays& expected, const Arrays& found, double bound) {
  std::string text;
  for (const auto& [name, array] : expected) {
    const auto other = found.find(name);
    if (other == found.end() || other->second.dims != array.dims) {
      text += fmt::format("  {} {}: [{}] expected, [{}] found\n", what, name, fmt::join(array.dims, ", "),
                          other == found.end() ? "nothing" : fmt::format("{}", fmt::join(other->second.dims, ", ")));
      continue;
    }
    std::size_t worst = 0;
    double error = 0;
    for (std::size_t k = 0; k < array.data.size(); ++k) {
      const double here = std::abs(array.data[k] - other->second.data[k]);
      if (here > error || std::isnan(here)) {
        worst = k;
        error = std::isnan(here) ? INFINITY : here;
      }
    }
    if (error > bound) {
      text +=
          fmt::format("  {} {}[{}]: expected {:.17g}, found {:.17g}\n", what, name, worst, array.data[worst], other->second.data[worst]);
    }
  }
  return text;
}

class Comparing {
 public:
  Comparing(const RandomModel& model, const Registry& registry, const ComparisonOptions& options)
      : model_(model), registry_(registry), options_(options) {}

  Comparison run() {
    Diagnostics diagnostics;
    container_ = read_container(model_.yaml, fmt::format("seed-{}.yaml", model_.seed), "", diagnostics);
    if (!container_) return failed(diagnostics);
    const Compiled whole = compiled({}, diagnostics);
    if (diagnostics.has_errors()) return failed(diagnostics);
    refer(whole);
    count_scans(whole.plan.forward);
    count_forms(whole.plan, whole.plan.forward);
    count_forms(whole.plan, whole.plan.backward);
    result_.tables = static_cast<int>(whole.plan.tables.size());
    check("", whole.plan);
    check_recomputed(diagnostics);
    check_forward_only(diagnostics);
    for (const PassInfo& pass : passes()) {
      if (!pass.optimisation || !options_.each_optimisation) continue;
      const Compiled without = compiled({std::string(pass.name)}, diagnostics);
      if (dump_text(without.plan) != dump_text(whole.plan) || without.plan.buffers.size() != whole.plan.buffers.size()) {
        result_.changed.emplace(pass.name);
      }
      check(std::string(pass.name), without.plan);
    }
    if (options_.complex_step) check_adjoints(whole);
    return result_;
  }

 private:
  Comparison failed(const Diagnostics& diagnostics) {
    for (const Diagnostic& diagnostic : diagnostics.sorted()) result_.problems += format(diagnostic) + "\n";
    return result_;
  }

  // With chunks of several sizes, and by turns without one of the optimisations.
  void check_recomputed(Diagnostics& diagnostics) {
    std::vector<std::string> optimisations;
    for (const PassInfo& pass : passes()) {
      if (pass.optimisation) optimisations.emplace_back(pass.name);
    }
    const Compiled again = compiled({}, diagnostics, true);
    result_.strips = static_cast<int>(std::count_if(again.plan.backward.begin(), again.plan.backward.end(),
                                                    [](const Segment& segment) { return segment.kind == Segment::Kind::kStrips; }));
    for (const std::int64_t positions : {0, 1, 3}) {
      check("", again.plan, positions);
      if (!result_.problems.empty()) {
        result_.problems += fmt::format("  .. recomputed in chunks of {}\n", positions);
        return;
      }
    }
    const std::string without = optimisations[model_.seed % optimisations.size()];
    check(without, compiled({without}, diagnostics, true).plan, 2);
    if (!result_.problems.empty()) result_.problems += "  .. recomputed\n";
  }

  // Plans without gradients keep less, and take what a decision has tried.
  void check_forward_only(Diagnostics& diagnostics) {
    CompileOptions options;
    options.gradients = false;
    for (const auto& [name, array] : model_.parameters) options.fed_shapes[name] = array.dims;
    const Plan plan = compile(*container_, options, registry_, diagnostics).plan;
    Run<double> run(std::make_shared<const Plan>(plan), {.poison = true, .threads = options_.threads, .shard_rows = options_.shard_rows});
    run.set_parameters(model_.parameters);
    run.forward(model_.batch);
    Arrays found;
    for (const OutputRef& output : plan.outputs) found[output.name] = run.value(output.node);
    if (plan.loss != kNone) found["loss"] = {{}, {run.loss()}};
    const std::string text = differences("value", expected_.values, found, 1e-12 * largest(expected_.values));
    if (!text.empty() && options_.swapped == kNone) result_.problems += "without gradients:\n" + text;
  }

  Compiled compiled(const std::vector<std::string>& without, Diagnostics& diagnostics, bool recompute = false) const {
    CompileOptions options;
    options.without = without;
    options.recompute = recompute;
    options.input_gradients = true;
    for (const auto& [name, array] : model_.parameters) options.fed_shapes[name] = array.dims;
    return compile(*container_, options, registry_, diagnostics);
  }

  static Array<double> of(Reference<double>& reference, const Graph& graph, NodeId node) {
    return graph[node].space.on_batch() ? reference.dense(node) : reference.parameter_space(node);
  }

  Array<double> random(std::vector<std::int64_t> dims, const std::string& name) const {
    std::int64_t count = 1;
    for (const std::int64_t dim : dims) count *= dim;
    Array<double> array{std::move(dims), std::vector<double>(static_cast<std::size_t>(count))};
    draw_uniform(draw_key(model_.seed, draw_name(name)), {}, array.data.data(), count);
    for (double& value : array.data) value = 2 * value - 1;
    return array;
  }

  void refer(const Compiled& whole) {
    const Graph& graph = whole.differentiated;
    Reference<double> forward(whole.graph, model_.batch, model_.parameters);
    batch_ = model_.batch;
    for (const OutputRef& output : whole.graph.outputs) expected_.values[output.name] = of(forward, whole.graph, output.node);
    for (std::size_t k = 0; k < graph.seeds.size(); ++k) {
      weighted_.push_back({graph.outputs[k].node, random(expected_.values[graph.outputs[k].name].dims, graph[graph.seeds[k]].name)});
      batch_.inputs[graph[graph.seeds[k]].name] = weighted_.back().cotangent;
    }
    if (graph.total_loss != kNone) {
      expected_.values["loss"] = forward.parameter_space(whole.graph.total_loss);
      weighted_ = {{whole.graph.total_loss, {{}, {1}}}};
    }
    Reference<double> backward(graph, batch_, model_.parameters);
    for (const auto& [leaf, adjoint] : graph.gradients) expected_.gradients[graph[leaf].name] = of(backward, graph, adjoint);
  }

  void check(const std::string& without, const Plan& plan, std::int64_t positions = 0) {
    Run<double> run(std::make_shared<const Plan>(plan), {.poison = true,
                                                         .threads = options_.threads,
                                                         .least_shared = 0,
                                                         .shard_rows = options_.shard_rows,
                                                         .positions = positions,
                                                         .swapped = options_.swapped});
    run.set_parameters(model_.parameters);
    run.forward(batch_);
    run.backward();
    Results found;
    for (const OutputRef& output : plan.outputs) found.values[output.name] = run.value(output.node);
    if (plan.loss != kNone) found.values["loss"] = {{}, {run.loss()}};
    for (std::size_t k = 0; k < plan.gradients.size(); ++k) {
      found.gradients[plan.value(plan.gradients[k].first).name] = run.gradient_value(k);
    }
    const std::string text =
        differences("value", expected_.values, found.values, options_.tolerance * largest(expected_.values)) +
        differences("gradient", expected_.gradients, found.gradients, options_.tolerance * largest(expected_.gradients));
    if (!text.empty()) result_.problems += (without.empty() ? "" : "without " + without + ":\n") + text;
  }

  // sum over the leaves of <gradient, direction>, by adjoints and by the forward equations.
  void check_adjoints(const Compiled& whole) {
    std::map<NodeId, std::vector<double>> directions;
    double by_adjoints = 0, size = 0;
    for (const auto& [leaf, adjoint] : whole.differentiated.gradients) {
      const std::string& name = whole.graph[leaf].name;
      const auto input = model_.batch.inputs.find(name);
      const Array<double>& fed = input == model_.batch.inputs.end() ? model_.parameters.at(name) : input->second;
      const Array<double>& gradient = expected_.gradients.at(name);
      std::vector<double>& direction = directions[leaf] = random(fed.dims, "to " + name).data;
      for (std::size_t k = 0; k < gradient.data.size(); ++k) {
        const double part = gradient.data[k] * direction[position(k, gradient.dims, fed.dims)];
        by_adjoints += part;
        size += std::abs(part);
      }
    }
    const double by_step = ComplexStep(whole.graph, model_.batch, model_.parameters, weighted_).derivative(directions);
    if (!(std::abs(by_adjoints - by_step) <= 1e-10 * std::max(size, 1e-3))) {
      result_.problems += fmt::format("  derivative along a direction: adjoints {:.17g}, complex step {:.17g}\n", by_adjoints, by_step);
    }
  }

  // Of an entry of an array with dims `from` in one with larger dims.
  static std::size_t position(std::size_t entry, const std::vector<std::int64_t>& from, const std::vector<std::int64_t>& to) {
    std::size_t result = 0, stride = 1;
    for (std::size_t k = from.size(); k-- > 0;) {
      result += entry % static_cast<std::size_t>(from[k]) * stride;
      entry /= static_cast<std::size_t>(from[k]);
      stride *= static_cast<std::size_t>(to[k]);
    }
    return result;
  }

  void count_scans(const Program& program) {
    for (const Segment& segment : program) {
      if (segment.kind == Segment::Kind::kScan) ++result_.scans;
      count_scans(segment.body);
    }
  }

  void count_forms(const Plan& plan, const Program& program) {
    for (const Segment& segment : program) {
      if (segment.together > 1) ++result_.together;
      for (const InstructionId id : segment.instructions) result_.linear += !plan.instructions[static_cast<std::size_t>(id)].chain.empty();
      count_forms(plan, segment.body);
    }
  }

  const RandomModel& model_;
  const Registry& registry_;
  const ComparisonOptions& options_;
  std::optional<Container> container_;
  Batch<double> batch_;  // with cotangents
  std::vector<WeightedValue> weighted_;
  Results expected_;
  Comparison result_;
};

}  // namespace

Comparison compare(const RandomModel& model, const Registry& registry, const ComparisonOptions& options) {
  return Comparing(model, registry, options).run();
}

}  // namespace tapeloop
