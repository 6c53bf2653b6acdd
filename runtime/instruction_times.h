// Where the time of a run goes, instruction by instruction. A run that is given one (Run::set_times) adds to it; one that is
// not pays a comparison with null for each instruction.
//
// One clock reading an instruction (about 30 ns): the time between two readings belongs to the instruction that has just ended, so
// stepping through the scan counts as part of what is stepped to, and the sum is the time of the whole run but for packing its batch.
// Belongs to one run, which then works on one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "core/plan.h"

namespace tapeloop {

class InstructionTimes {
 public:
  struct Entry {
    std::int64_t calls = 0;
    std::int64_t points = 0;  // of all calls: of the result, or of what is summed; in P it is one
    std::int64_t nanoseconds = 0;
  };

  explicit InstructionTimes(const Plan& plan) : first_(plan.instructions.data()), entries_(plan.instructions.size()) {}

  void start() { last_ = Clock::now(); }
  // A sum over all shards is done in several parts, of which the first alone counts as a call. REQUIRES: one of the plan's.
  void done(const Instruction& instruction, std::int64_t points, bool first_part = true) {
    const Clock::time_point now = Clock::now();
    Entry& entry = entries_[static_cast<std::size_t>(&instruction - first_)];
    entry.calls += first_part ? 1 : 0;
    entry.points += first_part ? points : 0;
    entry.nanoseconds += std::chrono::duration_cast<std::chrono::nanoseconds>(now - last_).count();
    last_ = now;
  }

  const Entry& of(InstructionId id) const { return entries_[static_cast<std::size_t>(id)]; }
  void clear() { entries_.assign(entries_.size(), {}); }

 private:
  using Clock = std::chrono::steady_clock;

  const Instruction* first_;
  std::vector<Entry> entries_;
  Clock::time_point last_;
};

}  // namespace tapeloop
