// One training step of models/systems/denoising_autoencoder.yaml over one series of 1,000 to 1,000,000 samples: bidirectional layers,
// pooling and upsampling along time. Time and memory should grow as the length, so both are also given by the step. `recompute`: the
// same keeping less for backward. bench/README.md has what was measured.
#include <benchmark/benchmark.h>

#include <cmath>
#include <utility>

#include "models/facade/session.h"

namespace tapeloop {
namespace {

Batch<float> beats(std::int64_t steps) {
  Batch<float> batch;
  batch.rows = 1;
  Array<float> clean{{1, steps, 1}, {}};
  clean.data.reserve(static_cast<std::size_t>(steps));
  // A beat in 300 samples.
  for (std::int64_t k = 0; k < steps; ++k) clean.data.push_back(std::exp(-0.05F * static_cast<float>((k % 300 - 150) * (k % 300 - 150))));
  batch.inputs["clean"] = std::move(clean);
  return batch;
}

void train_denoiser(benchmark::State& state, bool recompute) {
  SessionOptions options;
  options.mode = Mode::kTrain;
  options.recompute = recompute;
  options.shapes = {{"clean", {1}}};
  Session<float> session(Model::load("denoising_autoencoder"), options);
  const Batch<float> batch = beats(state.range(0));
  for (auto _ : state) {
    session.forward(batch);
    session.backward();
  }
  const auto steps = static_cast<double>(state.range(0));
  state.counters["steps/s"] = benchmark::Counter(steps, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["MiB"] = static_cast<double>(session.run().bytes()) / 1048576;
  state.counters["bytes/step"] = static_cast<double>(session.run().bytes()) / steps;
}

#define TAPELOOP_LENGTHS RangeMultiplier(10)->Range(1'000, 1'000'000)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->MinTime(0.1)
BENCHMARK_CAPTURE(train_denoiser, keep, false)->TAPELOOP_LENGTHS;
BENCHMARK_CAPTURE(train_denoiser, recompute, true)->TAPELOOP_LENGTHS;

}  // namespace
}  // namespace tapeloop
