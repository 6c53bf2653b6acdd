#include "models/facade/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "models/facade/json_text.h"
#include "models/facade/padded.h"
#include "models/facade/run_chunks.h"
#include "runtime/reference.h"
#include "runtime/run.h"

namespace tapeloop {
namespace {

Source place_of(const Feed& feed) { return {std::make_shared<const std::string>(feed.file), 0, 0}; }

template <class T>
Array<double> widened(const Array<T>& array) {
  return {array.dims, std::vector<double>(array.data.begin(), array.data.end())};
}

// A value of parameters alone is the same for every example.
template <class T>
Array<T> for_each_row(const Array<T>& array, std::int64_t rows) {
  Array<T> result;
  result.dims.push_back(rows);
  result.dims.insert(result.dims.end(), array.dims.begin(), array.dims.end());
  for (std::int64_t row = 0; row < rows; ++row) result.data.insert(result.data.end(), array.data.begin(), array.data.end());
  return result;
}

template <class T>
Array<T> summed_over_rows(const Array<T>& array) {
  Array<T> result{{array.dims.begin() + 1, array.dims.end()}, {}};
  const std::size_t rows = static_cast<std::size_t>(array.dims[0]);
  const std::size_t size = rows == 0 ? 0 : array.data.size() / rows;
  result.data.assign(size, T(0));
  for (std::size_t k = 0; k < array.data.size(); ++k) result.data[k % size] += array.data[k];
  return result;
}

template <class T>
double weighted_loss(const Array<T>& y) {
  double loss = 0;
  for (std::size_t k = 0; k < y.data.size(); ++k) {
    const double value = static_cast<double>(y.data[k]);
    loss += std::sin(0.7 * static_cast<double>(k) + 0.3) * value + 0.5 * value * value;
  }
  return loss;
}

template <class T>
Array<T> weighted_cotangent(const Array<T>& y) {
  Array<T> result = y;
  for (std::size_t k = 0; k < y.data.size(); ++k) {
    result.data[k] = static_cast<T>(std::sin(0.7 * static_cast<double>(k) + 0.3) + static_cast<double>(y.data[k]));
  }
  return result;
}

// Reads EvaluateOptions::loss, checked against the outputs.
template <class T>
void choose_loss(const std::string& text, const Graph& graph, Prepared<T>& prepared, Diagnostics& diagnostics) {
  if (text.empty()) return;
  const Source place{std::make_shared<const std::string>("--loss " + text), 0, 0};
  const std::size_t colon = text.find(':');
  prepared.weighted = true;
  if (text.substr(0, colon) != "weighted") {
    diagnostics.error("E0727", place, fmt::format("unknown loss '{}'; expected weighted or weighted:OUTPUT,..", text));
  }
  std::vector<std::string> names;
  for (const OutputRef& output : graph.outputs) names.push_back(output.name);
  if (colon == std::string::npos) {
    prepared.weighted_outputs = names;
    return;
  }
  for (std::size_t begin = colon + 1; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string name = text.substr(begin, end - begin);
    prepared.weighted_outputs.push_back(name);
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      diagnostics.error("E0727", place, fmt::format("no output '{0}'{1}", name, did_you_mean(name, names)));
    }
    begin = end + 1;
  }
}

void check_watch(const EvaluateOptions& options, const Graph& graph, Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (const auto& [name, node] : graph.names) names.push_back(name);
  for (const std::string& name : options.watch) {
    if (graph.names.contains(name)) continue;
    const Source place{std::make_shared<const std::string>("--watch " + name), 0, 0};
    diagnostics.error("E0721", place, fmt::format("no value '{}'{}", name, did_you_mean(name, names)));
  }
}

template <class T>
bool is_weighted(const Prepared<T>& prepared, const std::string& output) {
  return std::find(prepared.weighted_outputs.begin(), prepared.weighted_outputs.end(), output) != prepared.weighted_outputs.end();
}

void check_cotangents(const Feed& feed, const Graph& graph, Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (const OutputRef& output : graph.outputs) names.push_back(output.name);
  for (const auto& [name, value] : feed.cotangents) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    diagnostics.error("E0721", place_of(feed), fmt::format("cotangent of an unknown output '{}'{}", name, did_you_mean(name, names)));
  }
}

// The cotangents of the outputs, once these are known; sums up the loss that they belong to.
template <class T>
Cotangents<T> cotangents_of(const Feed& feed, const Prepared<T>& prepared, Evaluated<T>& result) {
  Cotangents<T> cotangents;
  Diagnostics diagnostics;
  if (prepared.weighted) result.loss = 0;
  for (std::size_t k = 0; k < result.outputs.size(); ++k) {
    const auto& [name, y] = result.outputs[k];
    const Node& node = prepared.compiled.graph[prepared.compiled.graph.outputs[k].node];
    Array<T> cotangent = cotangent_of<T>(feed, name, y.dims, node.space.axes().size(), diagnostics);
    if (is_weighted(prepared, name)) {
      result.loss = *result.loss + weighted_loss(y);
      cotangent = weighted_cotangent(y);
    }
    cotangents[name] = node.space.on_batch() ? cotangent : summed_over_rows(cotangent);
  }
  raise_errors(diagnostics);
  return cotangents;
}

std::vector<std::string> decided_axes(const Graph& graph) {
  std::vector<std::string> names;
  for (const Axis& axis : graph.axes) {
    if (axis.decided()) names.push_back(axis.name);
  }
  return names;
}

template <class T>
Evaluated<T> evaluate_plan(const Feed& feed, const EvaluateOptions& options, Prepared<T>& prepared) {
  Evaluated<T> result;
  const auto plan = std::make_shared<const Plan>(prepared.compiled.plan);
  RunOptions run_options;
  run_options.seed = options.seed;
  run_options.threads = options.threads;
  Run<T> run(plan, run_options);
  run.set_parameters(prepared.parameters);
  run.forward(prepared.batch);
  const auto add = [&](typename Evaluated<T>::Arrays& to, const std::string& name, NodeId node) {
    Array<T> y = run.value(node);
    to.emplace_back(name, plan->value(node).space.on_batch() ? std::move(y) : for_each_row(y, prepared.batch.rows));
  };
  for (const OutputRef& output : plan->outputs) add(result.outputs, output.name, output.node);
  for (const std::string& name : options.watch) add(result.watched, name, prepared.compiled.kept.at(name));
  for (const std::string& axis : decided_axes(prepared.compiled.graph)) {
    const auto same = [&](const Axis& other) { return other.name == axis; };
    const auto at = std::find_if(plan->axes.begin(), plan->axes.end(), same);
    result.lengths.emplace_back(axis, run.lengths(static_cast<AxisId>(at - plan->axes.begin())));
  }
  const Cotangents<T> cotangents = cotangents_of(feed, prepared, result);
  if (!prepared.from_cotangents && plan->loss != kNone) result.loss = run.loss();
  if (!options.gradients) return result;
  if (prepared.from_cotangents) {
    run.backward(cotangents);
  } else {
    run.backward();
  }
  for (std::size_t k = 0; k < plan->gradients.size(); ++k) {
    const PlanValue& of = plan->value(plan->gradients[k].first);
    const auto fed = prepared.batch.inputs.find(of.name);
    Array<T> gradient = run.gradient_value(k);
    result.gradients.emplace_back(of.name, fed == prepared.batch.inputs.end() ? gradient : padded_to(gradient, fed->second.dims));
  }
  return result;
}

Evaluated<double> evaluate_reference(const Feed& feed, const EvaluateOptions& options, Prepared<double>& prepared) {
  Evaluated<double> result;
  const Graph& graph = prepared.compiled.graph;
  Reference<double> forward(graph, prepared.batch, prepared.parameters, options.seed);
  for (const OutputRef& output : graph.outputs) result.outputs.emplace_back(output.name, forward.dense(output.node));
  for (const std::string& name : options.watch) result.watched.emplace_back(name, forward.dense(graph.names.at(name)));
  for (AxisId axis = 0; axis < static_cast<AxisId>(graph.axes.size()); ++axis) {
    const Axis& spec = graph.axes[static_cast<std::size_t>(axis)];
    if (spec.decided()) result.lengths.emplace_back(spec.name, forward.lengths_of_runs(axis));
  }
  const Cotangents<double> cotangents = cotangents_of(feed, prepared, result);
  if (!prepared.from_cotangents && graph.total_loss != kNone) result.loss = forward.parameter_space(graph.total_loss).data[0];
  if (!options.gradients) return result;

  const Graph& adjoint = prepared.compiled.differentiated;
  Batch<double> batch = prepared.batch;
  for (std::size_t k = 0; k < adjoint.seeds.size() && prepared.from_cotangents; ++k) {
    if (adjoint.seeds[k] != kNone) batch.inputs[adjoint[adjoint.seeds[k]].name] = cotangents.at(graph.outputs[k].name);
  }
  Reference<double> backward(adjoint, batch, prepared.parameters, options.seed);
  for (const auto& [of, gradient] : adjoint.gradients) {
    const auto fed = prepared.batch.inputs.find(adjoint[of].name);
    const bool input = fed != prepared.batch.inputs.end();
    result.gradients.emplace_back(adjoint[of].name,
                                  input ? padded_to(backward.dense(gradient), fed->second.dims) : backward.parameter_space(gradient));
  }
  return result;
}

template <class T>
std::string json_object(const typename Evaluated<T>::Arrays& arrays) {
  std::string text;
  for (const auto& [name, array] : arrays) text += (text.empty() ? "" : ", ") + json_quoted(name) + ": " + json_array(array);
  return "{" + text + "}";
}

}  // namespace

template <class T>
Prepared<T> prepare(const Model& model, const Feed& feed, const EvaluateOptions& options) {
  Prepared<T> result;
  CompileOptions compile;
  {
    Diagnostics before;  // mistakes of the model are reported by the compilation itself, all of them
    const Graph expanded = model.expanded(before, options.mode);
    if (!before.has_errors()) compile.fed_shapes = fed_shapes(feed, expanded);
  }
  compile.mode = options.mode;
  compile.keep = options.watch;
  compile.without = options.without;
  result.from_cotangents = !options.loss.empty() || !feed.cotangents.empty();
  compile.gradients = compile.input_gradients = options.gradients;
  compile.cotangents = result.from_cotangents;
  result.compiled = model.compile(compile);

  Diagnostics diagnostics;
  const Graph& graph = result.compiled.graph;
  choose_loss(options.loss, graph, result, diagnostics);
  check_cotangents(feed, graph, diagnostics);
  check_watch(options, graph, diagnostics);
  if (options.gradients && !result.from_cotangents && graph.losses.empty()) {
    diagnostics.error("E0725", place_of(feed), "gradients need a loss",
                      "give --loss weighted, cotangents in the feed, or loss: in the model");
  }
  result.batch = batch_of<T>(feed, graph, diagnostics);
  result.batch.example_ids = options.example_ids;
  result.parameters = parameters_of<T>(feed, graph, diagnostics);
  raise_errors(diagnostics);
  return result;
}

template <class T>
std::string Evaluated<T>::json() const {
  const std::string more = watched.empty() ? "" : ", \"watched\": " + json_object<T>(watched);
  const std::string ends = lengths.empty() ? "" : ", \"lengths\": " + json_object<T>(lengths);
  return fmt::format("{{\"outputs\": {}, \"loss\": {}, \"grads\": {}{}}}", json_object<T>(outputs), loss ? json_number(*loss) : "null",
                     json_object<T>(gradients), more + ends);
}

template <class T>
Evaluated<T> evaluate(const Model& model, const Feed& feed, const EvaluateOptions& options) {
  Prepared<T> prepared = prepare<T>(model, feed, options);
  if (options.chunks > 0) {
    Evaluated<T> result;
    result.outputs = run_chunks(model, prepared, options);
    return result;
  }
  if constexpr (std::is_same_v<T, double>) {
    if (options.reference) return evaluate_reference(feed, options, prepared);
  }
  return evaluate_plan(feed, options, prepared);
}

template struct Evaluated<float>;
template struct Evaluated<double>;
template Prepared<float> prepare(const Model&, const Feed&, const EvaluateOptions&);
template Prepared<double> prepare(const Model&, const Feed&, const EvaluateOptions&);
template Evaluated<float> evaluate(const Model&, const Feed&, const EvaluateOptions&);
template Evaluated<double> evaluate(const Model&, const Feed&, const EvaluateOptions&);

}  // namespace tapeloop
