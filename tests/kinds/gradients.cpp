#include "tests/kinds/gradients.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/passes/differentiate.h"
#include "runtime/complex_step.h"
#include "runtime/draws.h"
#include "runtime/reference.h"

namespace tapeloop {
namespace {

Array<double> values_of(Reference<double>& reference, const Graph& graph, NodeId node) {
  return graph[node].space.on_batch() ? reference.dense(node) : reference.parameter_space(node);
}

// The gradient in the layout of the user's array, which may be longer than the longest run.
std::vector<double> aligned(const Array<double>& gradient, const std::vector<std::int64_t>& dims) {
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) count *= dim;
  std::vector<double> result(static_cast<std::size_t>(count));
  for (std::int64_t from = 0; from < static_cast<std::int64_t>(gradient.data.size()); ++from) {
    std::int64_t rest = from, to = 0, stride = 1;
    for (std::size_t k = dims.size(); k-- > 0;) {
      to += rest % gradient.dims[k] * stride;
      rest /= gradient.dims[k];
      stride *= dims[k];
    }
    result[static_cast<std::size_t>(to)] = gradient.data[static_cast<std::size_t>(from)];
  }
  return result;
}

GradientReport compared(const Graph& forward, const DifferentiateOptions& options, const Registry& registry, const Batch<double>& batch,
                        const Parameters& parameters, double tolerance);

}  // namespace

Array<double> random_array(std::vector<std::int64_t> dims, const std::string& name, double low, double high, std::int64_t int_below) {
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) count *= dim;
  Array<double> result{std::move(dims), std::vector<double>(static_cast<std::size_t>(count))};
  draw_uniform(draw_key(1, draw_name(name)), {}, result.data.data(), count);
  for (double& value : result.data) {
    value = int_below > 0 ? std::floor(value * static_cast<double>(int_below)) : low + (high - low) * value;
  }
  return result;
}

std::string GradientReport::text() const {
  std::string result = fmt::format("{} of {} entries differ\n", bad.size(), compared);
  for (const BadEntry& entry : bad) {
    result +=
        fmt::format("  {}[{}]: adjoint {:.17g}, complex step {:.17g}\n", entry.leaf, entry.element, entry.adjoint, entry.complex_step);
  }
  return result;
}

GradientReport check_gradients(const Graph& forward, const Registry& registry, const Batch<double>& batch, const Parameters& parameters,
                               double tolerance) {
  return compared(forward, {.inputs = true, .cotangents = true}, registry, batch, parameters, tolerance);
}

GradientReport check_input_gradients(const Graph& forward, const Registry& registry, const Batch<double>& batch,
                                     const Parameters& parameters) {
  const auto all = [](std::string_view) { return true; };
  return compared(forward, {.inputs = true, .cotangents = true, .frozen = all}, registry, batch, parameters, 1e-10);
}

namespace {

GradientReport compared(const Graph& forward, const DifferentiateOptions& options, const Registry& registry, const Batch<double>& batch,
                        const Parameters& parameters, double tolerance) {
  const Graph graph = differentiate(forward, options, registry);
  std::vector<WeightedValue> weighted;
  Batch<double> fed = batch;
  Reference<double> values(forward, batch, parameters);
  for (std::size_t k = 0; k < forward.outputs.size(); ++k) {
    const NodeId output = forward.outputs[k].node;
    const std::string& name = graph[graph.seeds[k]].name;
    weighted.push_back({output, random_array(values_of(values, forward, output).dims, name, -1, 1)});
    fed.inputs[name] = weighted.back().cotangent;
  }
  Reference<double> adjoints(graph, fed, parameters);
  ComplexStep step(forward, batch, parameters, weighted);
  GradientReport report;
  for (const auto& [leaf, adjoint] : graph.gradients) {
    const std::string& name = graph[leaf].name;
    const bool is_input = batch.inputs.contains(name);
    const std::vector<std::int64_t>& dims = is_input ? batch.inputs.at(name).dims : parameters.at(name).dims;
    const std::vector<double> found = aligned(values_of(adjoints, graph, adjoint), dims);
    double largest = 1;
    for (const double value : found) largest = std::max(largest, std::abs(value));
    for (std::size_t k = 0; k < found.size(); ++k) {
      const double expected = step.derivative(leaf, static_cast<std::int64_t>(k));
      ++report.compared;
      if (!(std::abs(found[k] - expected) <= tolerance * largest)) {
        report.bad.push_back({name, static_cast<std::int64_t>(k), found[k], expected});
      }
    }
  }
  return report;
}

}  // namespace

}  // namespace tapeloop
