// One run of a plan: its buffers, its tape, forward and backward. A plan is shared between threads; a run belongs to one.
//
//   Run<float> run(plan, {.seed = 1});
//   run.set_parameters(parameters);
//   run.forward(batch);
//   run.backward();                              // from the loss; or backward({{"d(y)", cotangent}})
//   run.loss(), run.value(node), run.gradient(k)
//
// Every 16 neighbouring examples are a shard, which a thread takes through all of a stage by itself (core/plan.h). The shards are
// the same for any number of threads, and so is every bit of the results.
//
// Memory is kept from one batch to the next: once every shard has seen its largest extents, forward and backward allocate nothing.
// A batch with the lengths of the one before builds no layout, no table and no group again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/array.h"
#include "core/plan.h"
#include "runtime/batch.h"

namespace tapeloop {

class InstructionTimes;
template <class T>
class Executor;
template <class T>
class Shard;

struct RunOptions {
  std::uint64_t seed = 0;               // of random draws
  bool poison = false;                  // fill what is yet to be written with NaN before each run: what reads it too early shows
  std::int64_t max_bytes = 0;           // of all buffers of a run; 0: the machine's memory. More is an error before anything is allocated
  int threads = 0;                      // at once, the caller's among them; 0: as many as this process may use cores
  std::int64_t least_shared = 1 << 19;  // multiply-adds below which other threads would hardly have woken up before all is done
  std::int64_t shard_rows = 16;         // examples that are worked on together: with fewer, tests see several shards in a small batch
  std::int64_t positions = 0;           // of a chunk of the plan's strips; 0: the square root of a shard's longest run, rounded up
  TableId swapped = kNone;              // a test of the tests: exchanges two rows of this table whenever it is built
};

template <class T>
using Cotangents = std::map<std::string, Array<T>>;  // by the seed's name, "d(y)", or that of the output, "y"

template <class T>
class Run {
 public:
  // REQUIRES: plan->executable.
  explicit Run(std::shared_ptr<const Plan> plan, RunOptions options = {});
  Run(Run&&) noexcept;
  Run& operator=(Run&&) noexcept;
  ~Run();

  const Plan& plan() const;

  // A parameter's numbers, row-major; they stay the caller's, are read by every forward and backward, and may change between.
  void bind_parameter(NodeId parameter, const T* data);
  // By name; copied. Throws ModelError for an unknown name or another shape; what is not named keeps its numbers.
  void set_parameters(const std::map<std::string, Array<T>>& parameters);
  void set_seed(std::uint64_t seed);  // another for each training step
  // From now on each instruction's time is added there. Null: no more. REQUIRES: made for plan(), and outlives its use.
  void set_times(InstructionTimes* times);

  // Throws ModelError if the batch does not fit the plan (E07..): then no value of this run may be read.
  void forward(const Batch<T>& batch);
  // After forward, once. Cotangents that are not given are zeros, or what the batch has under the seed's name.
  void backward();
  void backward(const Cotangents<T>& cotangents);

  double loss() const;                // REQUIRES: the plan has a loss
  Array<T> value(NodeId node) const;  // [rows, longest run of each axis.., shape], zeros past the ends; P: [shape]
  // [rows] of [points of the row, in the order of its positions on all axes, shape]: without padding. REQUIRES: on the batch
  std::vector<std::vector<T>> ragged(NodeId node) const;
  Array<T> lengths(AxisId axis) const;               // of its runs: [rows, longest run of each axis that it lies within]
  std::span<const T> whole(NodeId node) const;       // of a value in P, row-major; no copy
  std::span<const T> gradient(std::size_t k) const;  // adjoint of plan().gradients[k]. REQUIRES: a parameter's; row-major, no copy
  Array<T> gradient_value(std::size_t k) const;      // of any, as `value` gives it
  std::int64_t bytes() const;                        // of all buffers, as allocated now
  std::int64_t rows() const;                         // of the batch of the last forward

  // How the batch of the last forward was cut: lengths, tables and packed values of each shard.
  std::size_t shards() const;
  const Shard<T>& shard(std::size_t k) const;

 private:
  std::unique_ptr<Executor<T>> executor_;
};

extern template class Run<float>;
extern template class Run<double>;

}  // namespace tapeloop
