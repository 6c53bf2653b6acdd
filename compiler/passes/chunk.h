// Cuts a model that is causal along t in two: what is done for each chunk of positions, and what comes after the last of them. A
// run keeps the tape of one chunk only and works out the others again when it goes back (checkpointing; Chen et al. 2016,
// arXiv:1604.06174).
//
//   x  |  chunk 0  | -carry->  |  chunk 1  | -carry->  |  chunk 2  | -carry-> last(h) |
//              \---------------------+-----------------------/----> sum_t ..           |  tail: loss, outputs without t
#pragma once

#include <cstdint>

#include "core/chunk_names.h"
#include "core/diagnostics.h"
#include "core/graph.h"
#include "core/kind.h"

namespace tapeloop {

enum class ChunkPart : std::uint8_t { kWhole, kChunk, kTail };

struct ChunkOptions {
  ChunkPart part = ChunkPart::kWhole;
  bool outputs = true;  // false: those of the model may be left out, as only its loss is wanted
};

// kChunk. For each value V that is read up to K steps back along t, or up to the Kth from its end:
//   input  "carry.V"            on [], [K, shape of V]: its last K values before the chunk, in the order of their positions
//   output "carry.V#0" .. "#K-1" on [], [shape of V]: the same after the chunk; right also for rows that have ended before it
// The start values of `states:` are read in the first chunk, where input "chunk.first" is 1. For each sum over t, or count of
// points along it, an output "sum.V"; inputs "chunk.position" and "chunk.length" where index(t) and length(t) are read. The
// model's outputs on t remain; the loss is dropped.
// kTail. "sum.V" and "carry.V#k" are inputs; the loss and the outputs that are not on t remain.
// Inputs that a part does not read are no longer inputs of it.
// Requires: explicit reads and shapes; total_loss has run. Reports E0610 for a model that is not causal along t, naming the read.
Graph chunk(Graph graph, const ChunkOptions& options, const Registry& registry, Diagnostics& diagnostics);

}  // namespace tapeloop
