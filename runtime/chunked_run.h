// A run that keeps the tape of one chunk of positions along t, not that of all: checkpointing by strip-mining the whole plan.
//
//   forward    chunk 0 -> chunk 1 -> chunk 2 -> tail      keeps what each chunk was handed ("carry", K values of what is tapped)
//   backward   chunk 0 <- chunk 1 <- chunk 2 <- tail      each but the last chunk runs again, then backwards
//
//   ChunkedRun<float> run({chunk_plan, tail_plan}, {.positions = 64});       // plans: compiler/passes/chunk.h
//   run.forward(batch);
//   run.backward();
//   run.loss(), run.gradient("h.linear.x")
//
// With about sqrt(T) positions a chunk, memory grows as sqrt(T), inputs and outputs apart; the work is that of one more forward.
// Values and gradients are those of a whole run, sums over t in another order. Gradients of parameters are added up from the last
// chunk to the first: the same bits for any number of threads.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/array.h"
#include "core/plan.h"
#include "runtime/batch.h"
#include "runtime/chunk_cutter.h"
#include "runtime/chunk_positions.h"
#include "runtime/run.h"

namespace tapeloop {

// What a chunk does, and what comes after the last of them.
struct ChunkPlans {
  std::shared_ptr<const Plan> chunk, tail;
};

struct ChunkedRunOptions {
  std::int64_t positions = 0;  // of a chunk along t; 0: the square root of the longest run, rounded up
  RunOptions run;              // max_bytes: of one chunk
};

// A part of a longer run: positions `begin` to `end` of t, of which those from `counted` on add to the loss. The part after it begins
// at `next`: begin <= next <= end. Gradients go back as far as `begin`; what is carried over from before is taken as it is.
struct ChunkWindow {
  std::int64_t begin = 0, counted = 0, end = 0, next = 0;
};

template <class T>
class ChunkedRun {
 public:
  explicit ChunkedRun(ChunkPlans plans, ChunkedRunOptions options = {});

  const ChunkPlans& plans() const { return plans_; }
  // As those of Run; a parameter goes by its name, as each plan has its own number for it.
  void bind_parameter(const std::string& name, const T* data);
  void set_parameters(const std::map<std::string, Array<T>>& parameters);
  void set_seed(std::uint64_t seed);

  // The batch must stay there until backward is over. Throws ModelError if it does not fit the plans; what neither reads, of inputs
  // and lengths, is left alone.
  void forward(const Batch<T>& batch);
  // The same for a part of it, with what the part before left at its `next`. REQUIRES: window.begin is that, or 0.
  void forward(const Batch<T>& batch, const ChunkWindow& window);
  // What the part before left at its `next`, by name, [rows, K, shape]; none before the first. Another run of these plans takes it and goes
  // on with the same batch: throws std::invalid_argument for other names.
  std::map<std::string, Array<T>> kept() const;
  void set_kept(std::map<std::string, Array<T>> kept);
  // After forward, once. Cotangents by output; those that are not given are zeros.
  void backward();
  void backward(const Cotangents<T>& cotangents);

  double loss() const;                                        // REQUIRES: the model has one
  Array<T> value(const std::string& output) const;            // as Run::value gives it
  Array<T> gradient(const std::string& leaf) const;           // of a parameter [shape], of an input as its value
  bool has_gradient(const std::string& leaf) const;           // not of an input that nothing reads: it is no part of the plans
  std::int64_t chunks() const { return chunks_; }             // of the last batch
  std::int64_t positions() const { return positions_; }       // of a chunk of the last batch
  std::int64_t longest() const { return cutter_.longest(); }  // of the runs of the last batch
  std::int64_t counted() const;                               // positions of the last part, all rows together, that add to the loss
  std::int64_t bytes() const;  // held now: buffers of both runs, what was handed on, the chunk at work, kept outputs and gradients

 private:
  using Arrays = std::map<std::string, Array<T>>;
  struct Carry {
    std::string name;                // of the input
    std::vector<std::int64_t> dims;  // [K, shape]
    std::vector<NodeId> outputs;     // [K]
    std::vector<std::string> slots;  // [K]: names of the outputs
  };
  struct Named {
    std::string name;
    NodeId node = kNone;
  };

  void sort_outputs();
  void run_chunks();
  void prepare(Batch<T>& part, const Plan& plan) const;
  void run_chunk(std::int64_t k);
  void hand_on(std::int64_t k);
  void run_tail();
  void take_cotangents(const Cotangents<T>& cotangents);
  void seed_sums();
  void seed_chunk(std::int64_t k);
  void add_gradients(const Run<T>& run);
  std::vector<std::int64_t> on_rows(const std::vector<std::int64_t>& dims) const;
  Array<T> joined(const std::vector<Array<T>>& parts, std::size_t column) const;

  ChunkPlans plans_;
  ChunkedRunOptions options_;
  Run<T> run_, tail_;
  ChunkCutter<T> cutter_;
  std::vector<Carry> carries_;
  std::vector<Named> sums_;
  std::vector<Named> outputs_;  // of the model, on t
  const Batch<T>* batch_ = nullptr;
  std::int64_t positions_ = 0, chunks_ = 0;
  std::vector<std::int64_t> begins_;  // [chunk]: its first position, and the end of the last
  std::int64_t counted_ = 0;          // from this position on there is a loss
  std::vector<Array<T>> kept_;        // [carry]: what the next part takes over
  Batch<T> chunk_batch_, tail_batch_;
  std::vector<std::vector<Array<T>>> handed_;      // [chunk, and after the last][carry]: [rows, K, shape]
  std::map<std::string, const Array<T>*> wanted_;  // cotangents of outputs on t
  Cotangents<T> tail_seeds_, seeds_;
  Arrays gradients_;  // sums over the chunks; of a carry: that of the chunk after the one at work
  std::map<std::string, std::vector<Array<T>>> parts_, gradient_parts_;  // outputs and input gradients on t, of each chunk
};

extern template class ChunkedRun<float>;
extern template class ChunkedRun<double>;

}  // namespace tapeloop
