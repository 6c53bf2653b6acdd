// YAML text to plan: reading, expanding, inference, differentiation, every optimisation, with the verifier after each pass.
// "nodes" counts those of the forward graph; differentiation then makes two or three times as many of them.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "compiler/frontend/container_reader.h"
#include "compiler/pipeline.h"
#include "core/diagnostics.h"
#include "nodes/registry.h"

namespace tapeloop {
namespace {

// One value after another, no loop: v1: tanh(v0) ...
std::string chain(std::int64_t nodes) {
  std::string text = "tapeloop: 1\ninputs: {v0: {shape: [16]}}\nnodes:\n";
  for (std::int64_t k = 1; k <= nodes; ++k) text += fmt::format("  v{}: tanh(v{})\n", k, k - 1);
  return text + fmt::format("outputs: [v{}]\n", nodes);
}

// Recurrent layers on top of each other, each a scan with its own weights: h1: tanh(linear(h0, h1_tm1)) ...
// A layer is nine nodes of the graph: two products, a bias, sums, tanh and three parameters.
std::string stack(std::int64_t layers) {
  std::string text = "tapeloop: 1\ninputs: {h0: {shape: [16]}}\nnodes:\n";
  for (std::int64_t k = 1; k <= layers; ++k) text += fmt::format("  h{}: tanh(linear(h{}, h{}_tm1, units=16))\n", k, k - 1, k);
  return text + fmt::format("outputs: [h{}]\n", layers);
}

void compile_model(benchmark::State& state, std::string (*model)(std::int64_t)) {
  const std::string text = model(state.range(0));
  const Registry registry = make_registry();
  CompileOptions options;
  options.input_gradients = true;
  double nodes = 0;
  for (auto _ : state) {
    Diagnostics diagnostics;
    const std::optional<Container> container = read_container(text, "model.yaml", "", diagnostics);
    raise_errors(diagnostics);
    const Compiled compiled = compile(*container, options, registry, diagnostics);
    raise_errors(diagnostics);
    nodes = static_cast<double>(compiled.graph.nodes.size());
    benchmark::DoNotOptimize(compiled.plan.instructions.data());
  }
  state.counters["nodes"] = nodes;
  state.counters["per_node"] = benchmark::Counter(nodes, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

BENCHMARK_CAPTURE(compile_model, chain, chain)->Arg(100)->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile_model, stack, stack)->Arg(11)->Arg(111)->Arg(1'111)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tapeloop
