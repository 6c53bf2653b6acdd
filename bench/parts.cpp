// The parts that a step is made of, each beside what one could have instead:
//   point_programs   those of a cell's step, as its plan has them, beside loops fused by hand
//   product          weights in panels, beside oneDNN's sgemm where there is one
//   function         exp, tanh, sigmoid alone
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/peers/fused_loops.h"
#include "core/point_op.h"
#include "models/facade/model.h"
#include "runtime/instruction_times.h"
#include "runtime/product_kernels.h"
#include "runtime/run.h"
#include "runtime/training/parameters.h"
#include "runtime/worker_scope.h"
#ifdef TAPELOOP_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

namespace tapeloop::bench {
namespace {

constexpr std::int64_t kSteps = 4;
constexpr std::int64_t kRepeats = 32;  // of each point program within its step: it finds in the caches what it has left there

std::vector<float> numbers(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t k = 0; k < count; ++k) values[k] = 0.9F * std::sin(static_cast<float>(k));
  return values;
}

void repeat_point_programs(const Plan& plan, Program& program) {
  for (Segment& segment : program) {
    for (Segment& body : segment.body) {
      std::vector<InstructionId> repeated;
      for (const InstructionId id : body.instructions) {
        const bool point = plan.instructions[static_cast<std::size_t>(id)].op == OpCode::kPoint;
        repeated.insert(repeated.end(), point ? kRepeats : 1, id);
      }
      body.instructions = std::move(repeated);
    }
  }
}

// A training step of a cell whose plan does each point program of a step many times.
class Step {
 public:
  Step(const std::string& cell, std::int64_t rows, std::int64_t units)
      : plan_(made_plan(cell, units)), parameters_(*plan_), run_(plan_, {.threads = 1, .shard_rows = rows}), times_(*plan_) {
    parameters_.initialise(1);
    for (std::size_t k = 0; k < plan_->parameters.size(); ++k) run_.bind_parameter(plan_->parameters[k], parameters_.values(k).data());
    const auto count = static_cast<std::size_t>(kSteps * rows);
    batch_.rows = rows;
    batch_.inputs["x"] = {{rows, kSteps, 1}, numbers(count)};
    cotangents_["h"] = {{rows, kSteps, units}, numbers(count * static_cast<std::size_t>(units))};
    run_.set_times(&times_);
  }

  // Nanoseconds that the point programs of the scan take in one step.
  double time(bool backward) {
    if (!backward) times_.clear();
    run_.forward(batch_);
    if (backward) {
      times_.clear();
      run_.backward(cotangents_);
    }
    double all = 0;
    for (std::size_t k = 0; k < plan_->instructions.size(); ++k) {
      const InstructionTimes::Entry& entry = times_.of(static_cast<InstructionId>(k));
      if (plan_->instructions[k].op != OpCode::kPoint || entry.calls < kSteps * kRepeats) continue;
      all += static_cast<double>(entry.nanoseconds) / (kSteps * kRepeats);
    }
    return all;
  }

 private:
  static std::shared_ptr<const Plan> made_plan(const std::string& cell, std::int64_t units) {
    CompileOptions options;
    options.fed_shapes = {{"x", {1}}};
    Plan plan = Model::load(cell, {"options.units=" + std::to_string(units)}).compile(options).plan;
    repeat_point_programs(plan, plan.forward);
    repeat_point_programs(plan, plan.backward);
    return std::make_shared<const Plan>(std::move(plan));
  }

  std::shared_ptr<const Plan> plan_;
  Parameters<float> parameters_;
  Run<float> run_;
  InstructionTimes times_;
  Batch<float> batch_;
  Cotangents<float> cotangents_;
};

// The same by hand, with as many readings of the clock.
class ByHand {
 public:
  ByHand(const FusedLoop* loops, std::size_t rows, std::size_t n) : loops_(loops), rows_(rows), n_(n) {
    const std::size_t each = 4 * rows * n + 80;  // not a multiple of 4096 bytes from one to the next
    numbers_ = numbers(each * kMostArrays);
    for (std::size_t k = 0; k < kMostArrays; ++k) arrays_[k] = numbers_.data() + k * each;
  }

  double time() const {
    using Clock = std::chrono::steady_clock;
    const WorkerScope scope;
    double all = 0;
    for (const FusedLoop* loop = loops_; *loop; ++loop) {
      Clock::time_point last = Clock::now();
      for (std::int64_t k = 0; k < kSteps * kRepeats; ++k) {
        (*loop)(arrays_, rows_, n_);
        const Clock::time_point now = Clock::now();
        all += std::chrono::duration<double, std::nano>(now - std::exchange(last, now)).count() / (kSteps * kRepeats);
      }
    }
    return all;
  }

 private:
  const FusedLoop* loops_;
  std::size_t rows_, n_;
  std::vector<float> numbers_;
  float* arrays_[kMostArrays];
};

void point_programs(benchmark::State& state, const FusedStep& cell, bool backward) {
  const std::int64_t rows = state.range(0);
  const std::int64_t units = state.range(1);
  Step step(cell.cell, rows, units);
  const ByHand by_hand(backward ? cell.backward : cell.forward, static_cast<std::size_t>(rows), static_cast<std::size_t>(units));
  double ours = 1e30, theirs = 1e30;  // the least of all: other work on the machine only ever adds
  for (auto _ : state) {
    ours = std::min(ours, step.time(backward) / static_cast<double>(rows * units));
    theirs = std::min(theirs, by_hand.time() / static_cast<double>(rows * units));
  }
  state.counters["ns_of_element"] = ours;
  state.counters["by_hand"] = theirs;
  state.counters["ratio"] = ours / theirs;
}

// c[rows, n] += a[rows, n] b[n, n]
void product(benchmark::State& state, bool of_onednn) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const auto n = static_cast<std::size_t>(state.range(1));
  const ProductKernels<float>& kernels = product_kernels<float>();
  const std::vector<float> a = numbers(rows * n), b = numbers(n * n);
  std::vector<float> packed(n * n + n * kPanelRoom), c(rows * n);
  kernels.pack(n, n, b.data(), n, 1, n, 0, 0, packed.data());
  bool back = false;  // in turn, as steps do
  for (auto _ : state) {
    if (of_onednn) {
#ifdef TAPELOOP_ONEDNN
      const auto size = static_cast<dnnl_dim_t>(n);
      dnnl_sgemm('N', 'N', state.range(0), size, size, 1, a.data(), size, b.data(), size, 0, c.data(), size);
#endif
    } else {
      kernels.multiply_packed(rows, n, n, a.data(), n, packed.data(), nullptr, 0, c.data(), n, back = !back);
    }
    benchmark::ClobberMemory();
  }
  state.counters["flops"] = benchmark::Counter(2.0 * static_cast<double>(rows * n * n), benchmark::Counter::kIsIterationInvariantRate);
}

void function(benchmark::State& state, const NodeKind& kind) {
  const std::vector<float> x = numbers(1024);
  std::vector<float> y(x.size());
  const float* in = x.data();
  const std::uint8_t step = 1;
  for (auto _ : state) {
    run_op<float>(kind.point.f32, 1, &in, &step, nullptr, y.data(), 0, 1, x.size());
    benchmark::ClobberMemory();
  }
  state.counters["of_element"] =
      benchmark::Counter(static_cast<double>(x.size()), benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

int register_all() {
  for (const FusedStep* cell = fused_steps(); cell->cell; ++cell) {
    for (const bool backward : {false, true}) {
      const std::string name = std::string("point_programs/") + cell->cell + (backward ? "/adjoint" : "/forward");
      benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { point_programs(state, *cell, backward); })
          ->ArgsProduct({{16, 32}, {64, 128, 256, 512}})
          ->Unit(benchmark::kMillisecond);
    }
  }
  std::vector<std::pair<const char*, bool>> products = {{"product/ours", false}};
#ifdef TAPELOOP_ONEDNN
  products.emplace_back("product/dnnl_sgemm", true);
#endif
  for (const auto& [name, of_onednn] : products) {
    benchmark::RegisterBenchmark(name, [of_onednn = of_onednn](benchmark::State& state) {
      product(state, of_onednn);
    })->ArgsProduct({{1, 16, 32, 128}, {64, 128, 256, 512, 1024}});
  }
  for (const char* name : {"exp", "tanh", "sigmoid"}) {
    benchmark::RegisterBenchmark((std::string("function/") + name).c_str(),
                                 [=](benchmark::State& state) { function(state, built_in_kinds().at(name)); });
  }
  return 0;
}
const int registered = register_all();

}  // namespace
}  // namespace tapeloop::bench
