// How much a plan will hold, before there is a batch.
#pragma once

#include <cstdint>
#include <optional>

#include "core/plan.h"
#include "runtime/chunked_run.h"

namespace tapeloop {

struct HeldBytes {
  std::int64_t rows = 1;
  std::int64_t steps = 1;      // along t, of every row
  std::int64_t number = 4;     // bytes of one: sizeof(float) or sizeof(double)
  std::int64_t positions = 0;  // of a chunk of strips; 0: as RunOptions has it
};

// Bytes of all buffers of a run but the parameters, inputs among them. None if a size is free, or where a value lies on another
// axis than t, whose lengths nothing tells.
std::optional<std::int64_t> held_bytes(const Plan& plan, const HeldBytes& of);
// Of a run in chunks that wants no outputs on t: both runs, and what is handed from chunk to chunk. positions 0: as many as
// ChunkedRun takes.
std::optional<std::int64_t> held_bytes(const ChunkPlans& plans, const HeldBytes& of, std::int64_t positions = 0);

}  // namespace tapeloop
