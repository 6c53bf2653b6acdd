// The stages of a program as a run needs them: for shards, the parts that each of them goes through; whole ones, what threads may
// do side by side.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/plan.h"
#include "runtime/extents.h"
#include "runtime/worker.h"

namespace tapeloop {

// Arithmetic, about, for each point of a layout; kNone: of P, once. What is little work is for one thread.
using Work = std::vector<std::pair<LayoutId, std::int64_t>>;

// Instructions of a whole stage of which none reads or writes what another writes, cut into tiles.
struct Round {
  struct Unit {
    InstructionId instruction = kNone;
    std::int64_t tile = 0;
  };
  std::vector<Unit> units;
  Work work;
};

struct Stage {
  AxisId strips = kNone;   // not kNone: `inner` once for each chunk of the axis
  bool backwards = false;  // from the last chunk to the first
  std::vector<Stage> inner;
  bool whole = false;
  std::vector<Part> parts;    // of shards
  Work work;                  // of these
  std::vector<Round> rounds;  // of a whole stage, one after the other
};

// Throws std::logic_error if the plan breaks what Segment::stage and depths promise. `extents`: of any shard.
std::vector<Stage> bind_stages(const Plan& plan, const Program& program, const Extents& extents);

}  // namespace tapeloop
