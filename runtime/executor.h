// Takes the shards of a batch through the stages of a plan, once forward and once backward.
//
//   stage     0 whole             1 shards                  2 whole
//   thread 0  expressions of  |   shard 0, then shard 2  |  tiles of the
//   thread 1  parameters      |   shard 1, then shard 3  |  weights' gradients
//
// A shard's stage is one thread's from its start to its end: threads wait for each other between stages only.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/plan.h"
#include "runtime/batch_feed.h"
#include "runtime/budget.h"
#include "runtime/buffers.h"
#include "runtime/run.h"
#include "runtime/shard.h"
#include "runtime/stages.h"
#include "runtime/threads.h"
#include "runtime/worker.h"

namespace tapeloop {

template <class T>
class Executor {
 public:
  Executor(std::shared_ptr<const Plan> plan, const RunOptions& options);
  Executor(const Executor&) = delete;  // its parts point at each other
  Executor& operator=(const Executor&) = delete;

  const Plan& plan() const { return *plan_; }
  void set_seed(std::uint64_t seed) { options_.seed = seed; }
  void set_times(InstructionTimes* times) { times_ = times; }
  void bind_parameter(NodeId parameter, const T* data);
  T* own_parameter(NodeId parameter);  // room for numbers that are the run's; null if nothing reads the parameter

  void forward(const Batch<T>& batch);
  void backward(const Cotangents<T>& cotangents);

  std::int64_t rows() const { return feed_.rows(); }
  Shards<T> shards() const { return Shards<T>(shards_).first(used_); }  // of the last batch
  const Buffers<T>& whole() const { return whole_; }
  std::int64_t bytes() const;

 private:
  void check_parameters() const;
  void cut(std::int64_t rows);
  void lengths_known();
  void run(const std::vector<Stage>& stages);
  void run_strips(const Stage& stage);
  void run(const Round& round);
  bool packed_before(InstructionId id);
  bool is_worth_sharing(const Work& work) const;
  Running running() const { return {options_.seed, times_, strip_}; }
  template <class Do>
  void for_each_shard(bool shared, Do work);
  void need_workers(std::int64_t units);

  std::shared_ptr<const Plan> plan_;
  RunOptions options_;
  InstructionTimes* times_ = nullptr;  // may be null
  BatchFeed<T> feed_;
  Buffers<T> whole_;  // of P
  FeedWindow whole_window_;
  Budget budget_;
  Threads threads_;
  std::vector<std::unique_ptr<Shard<T>>> shards_;  // as many as the largest batch so far has
  std::size_t used_ = 0;
  std::vector<Extents*> extents_;                    // of the shards in use
  std::vector<std::unique_ptr<Worker<T>>> workers_;  // [thread]
  std::vector<Stage> forward_, backward_;
  StripNumber strip_;
  std::int32_t strips_ = 1;           // chunks that the stages at work are done in
  std::int64_t changes_ = 1;          // of the run's own parameters, counted
  std::vector<std::int64_t> packed_;  // [instruction] of kPack: changes_ when it last ran
  bool shared_ = false;               // the last batch was large enough for several threads
  bool ran_ = false;                  // the last forward came to its end
};

extern template class Executor<float>;
extern template class Executor<double>;

}  // namespace tapeloop
