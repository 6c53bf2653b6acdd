// YAML text to plan: reading, expanding, inference, differentiation, every optimisation, with the verifier after each pass.
// Items are named nodes of the model; "graph" counts the nodes of its forward graph.
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
std::string stack(std::int64_t nodes) {
  std::string text = "tapeloop: 1\ninputs: {h0: {shape: [16]}}\nnodes:\n";
  for (std::int64_t k = 1; k <= nodes; ++k) text += fmt::format("  h{}: tanh(linear(h{}, h{}_tm1, units=16))\n", k, k - 1, k);
  return text + fmt::format("outputs: [h{}]\n", nodes);
}

void compile_model(benchmark::State& state, std::string (*model)(std::int64_t)) {
  const std::string text = model(state.range(0));
  const Registry registry = make_registry();
  std::size_t graph = 0;
  for (auto _ : state) {
    Diagnostics diagnostics;
    const std::optional<Container> container = read_container(text, "model.yaml", "", diagnostics);
    raise_errors(diagnostics);
    const Compiled compiled = compile(*container, {}, registry, diagnostics);
    raise_errors(diagnostics);
    graph = compiled.graph.nodes.size();
    benchmark::DoNotOptimize(compiled.plan.instructions.data());
  }
  state.counters["graph"] = static_cast<double>(graph);
  state.counters["us_per_node"] = benchmark::Counter(static_cast<double>(state.range(0)) * 1e-6,
                                                     benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

BENCHMARK_CAPTURE(compile_model, chain, chain)->Arg(100)->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(compile_model, stack, stack)->Arg(100)->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tapeloop
