// One thread's part in a run: carries out instructions, with scratch of its own, on the shard that it is given.
#pragma once

#include <cstdint>
#include <vector>

#include "core/plan.h"
#include "runtime/frame.h"
#include "runtime/instruction_times.h"
#include "runtime/point_work.h"
#include "runtime/sum_work.h"
#include "runtime/whole_sums.h"

namespace tapeloop {

// A segment as a run needs it.
struct Part {
  bool scan = false;
  bool backwards = false;
  bool one_pass = false;      // of a scan: its only instruction does all positions
  std::int32_t together = 1;  // of a scan: blocks that a step does together
  int nest = kNone;
  NodeId goes_on = kNone;      // of a scan: see Segment::goes_on
  std::vector<BufferId> rest;  // .. and what it has made for all positions, whose rest is zeros then
  std::vector<InstructionId> instructions;
  std::vector<Part> body;
};

// What holds for all threads while a program runs.
struct Running {
  std::uint64_t seed = 0;             // of random draws
  InstructionTimes* times = nullptr;  // may be null; else there is one thread
  StripNumber strip;
};

template <class T>
class Worker {
 public:
  Worker(const Plan& plan, const BatchFeed<T>& feed, Buffers<T>& whole);
  Worker(const Worker&) = delete;  // its parts point at each other
  Worker& operator=(const Worker&) = delete;

  // A stage for shards, all of it, for one of them.
  void run(const std::vector<Part>& stage, Shard<T>& shard, const Running& running);
  // One tile of an instruction of a whole stage.
  void run(InstructionId id, std::int64_t tile, Shards<T> shards, const Running& running);

 private:
  void run_parts(const std::vector<Part>& parts, std::size_t depth);
  void run_scan(const Part& part, std::size_t depth);
  void run_in_one_pass(const Part& part, const ScanBlocks& blocks);
  bool is_over(const Part& part, std::size_t depth);
  void clear_rest(const Part& part, std::size_t depth, std::int32_t first, std::int32_t end);
  void execute(const Step& step);
  void note(const Step& step);
  void set_lengths(const Step& step);

  const Plan& plan_;
  const BatchFeed<T>& feed_;
  Frame<T> frame_;
  PointWork<T> point_work_;
  SumWork<T> sum_work_;
  WholeSums<T> whole_sums_;
  Running running_;
};

extern template class Worker<float>;
extern template class Worker<double>;

}  // namespace tapeloop
