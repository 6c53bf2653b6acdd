// Walks the segments of a plan, once forward and once backward, on the buffers of one run.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/plan.h"
#include "runtime/batch_feed.h"
#include "runtime/buffers.h"
#include "runtime/extents.h"
#include "runtime/frame.h"
#include "runtime/instruction_times.h"
#include "runtime/point_work.h"
#include "runtime/run.h"
#include "runtime/sum_work.h"
#include "runtime/tables.h"

namespace tapeloop {

// A segment as the run needs it.
struct Stage {
  bool scan = false;
  bool backwards = false;
  int nest = kNone;
  std::vector<const Step*> steps;
  std::vector<Stage> body;
};

template <class T>
class Executor {
 public:
  Executor(std::shared_ptr<const Plan> plan, const RunOptions& options);
  Executor(const Executor&) = delete;  // its parts point at each other
  Executor& operator=(const Executor&) = delete;

  const Plan& plan() const { return *plan_; }
  void set_seed(std::uint64_t seed) { seed_ = seed; }
  void set_times(InstructionTimes* times) { times_ = times; }
  void bind_parameter(NodeId parameter, const T* data);
  T* own_parameter(NodeId parameter);  // room for numbers that are the run's; null if nothing reads the parameter

  void forward(const Batch<T>& batch);
  void backward(const Cotangents<T>& cotangents);

  bool ran() const { return ran_; }
  const Buffers<T>& buffers() const { return buffers_; }
  const Extents& extents() const { return extents_; }
  const Tables& tables() const { return tables_; }

 private:
  std::vector<Stage> bind(const Program& program, const std::vector<AxisId>& nest) const;
  void check_parameters() const;
  void lengths_known();
  void run(const std::vector<Stage>& stages, std::size_t depth);
  void run_scan(const Stage& stage, std::size_t depth);
  void execute(const Step& step);
  void note(const Step& step);
  void pack(const Step& step);
  void set_lengths(const Step& step);

  std::shared_ptr<const Plan> plan_;
  std::uint64_t seed_;
  bool poison_;
  InstructionTimes* times_ = nullptr;  // may be null
  Extents extents_;
  Tables tables_;
  Buffers<T> buffers_;
  BatchFeed<T> feed_;
  Frame<T> frame_;
  PointWork<T> point_work_;
  SumWork<T> sum_work_;
  std::vector<Stage> forward_, backward_;
  std::int64_t changes_ = 1;           // of the run's own parameters, counted
  std::vector<std::int64_t> packed_;   // [instruction] of kPack: changes_ when it last ran
  std::vector<std::int32_t> lengths_;  // scratch of set_lengths
  bool ran_ = false;                   // the last forward came to its end
};

extern template class Executor<float>;
extern template class Executor<double>;

}  // namespace tapeloop
