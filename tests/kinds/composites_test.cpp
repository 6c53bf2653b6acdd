// Kinds that are equations over others, at their example shapes: written as a user writes them, expanded, then differentiated.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "compiler/frontend/container_reader.h"
#include "compiler/pipeline.h"
#include "nodes/registry.h"
#include "tests/kinds/gradients.h"

namespace tapeloop {
namespace {

std::string text(const AttributeValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  if (const auto* word = std::get_if<std::string>(&value)) return *word;
  return fmt::format("[{}]", fmt::join(std::get<std::vector<double>>(value), ", "));
}

// Users write softmax(x, along=t) for the kind softmax_along, and softmax(x, along=shape) for softmax_shape.
std::string as_written(std::string_view kind, std::vector<std::string>& arguments) {
  for (const auto& [ending, along] : {std::pair("_along", "along=t"), std::pair("_shape", "along=shape")}) {
    if (!kind.ends_with(ending)) continue;
    arguments.emplace_back(along);
    kind.remove_suffix(std::string_view(ending).size());
  }
  return std::string(kind);
}

// y: kind(x0, x1, option=value), its operands inputs on [t].
std::string yaml(const NodeKind& kind, const Example& example, Batch<double>& batch) {
  batch.rows = 3;
  batch.lengths["t"] = {2, 0, 1};
  std::string inputs;
  std::vector<std::string> arguments;
  for (std::size_t k = 0; k < example.operands.size(); ++k) {
    const std::int64_t int_below = k < example.int_below.size() ? example.int_below[k] : 0;
    const std::string name = fmt::format("x{}", k);
    std::vector<std::int64_t> dims = example.operands[k];
    inputs += fmt::format("  {}: {{shape: [{}]{}}}\n", name, fmt::join(dims, ", "), int_below > 0 ? ", type: int" : "");
    dims.insert(dims.begin(), {batch.rows, 2});
    batch.inputs[name] = random_array(dims, name, example.low, example.high, int_below);
    arguments.push_back(name);
  }
  for (const auto& [name, value] : example.attributes) arguments.push_back(fmt::format("{}={}", name, text(value)));
  const std::string op = as_written(kind.name, arguments);
  return fmt::format("tapeloop: 1\ninputs:\n{}nodes:\n  y: '{}({})'\noutputs: [y]\n", inputs, op, fmt::join(arguments, ", "));
}

// Kinds that only the equations of others use (mean_last) may be called here.
Registry registry_to_call() {
  Registry registry = make_registry();
  for (const NodeKind* kind : registry.all()) {
    if (kind->role != Role::kComposite || !kind->usage.empty()) continue;
    NodeKind callable = *kind;
    callable.usage = kind->name;
    registry.add(std::move(callable));
  }
  return registry;
}

TEST(Kinds, CompositesHaveTheGradientsOfTheirFormulasOverAllExamples) {
  const Registry registry = registry_to_call();
  CompileOptions options;
  options.gradients = false;
  for (const NodeKind* kind : registry.all()) {
    if (kind->role != Role::kComposite && kind->role != Role::kSugar) continue;
    if (kind->role == Role::kComposite) {
      EXPECT_FALSE(kind->examples.empty()) << kind->name;
    }
    for (const Example& example : kind->examples) {
      Batch<double> batch;
      const std::string model = yaml(*kind, example, batch);
      Diagnostics diagnostics;
      const auto container = read_container(model, "kind.yaml", "", diagnostics);
      ASSERT_TRUE(container) << model;
      const Graph graph = compile(*container, options, registry, diagnostics).graph;
      ASSERT_FALSE(diagnostics.has_errors()) << model << format(diagnostics.sorted().front());
      Parameters parameters;
      for (const Node& node : graph.nodes) {
        if (node.kind->role != Role::kParameter) continue;
        parameters[node.name] = random_array(numbers(graph.sizes.resolve(node.shape)), node.name, -1, 1);
      }
      const GradientReport report = check_gradients(graph, registry, batch, parameters);
      EXPECT_TRUE(report.bad.empty()) << model << report.text();
    }
  }
}

}  // namespace
}  // namespace tapeloop
