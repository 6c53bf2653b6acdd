// Makes a graph fit for one chunk of a stream along t: every tap into the past reads, before the chunk's first position, values
// that the caller kept from the chunks before.
#pragma once

#include <string>
#include <string_view>

#include "core/chunk_names.h"
#include "core/diagnostics.h"
#include "core/graph.h"
#include "core/kind.h"

namespace tapeloop {

// For each value V with taps up to K steps back along t:
//   input  "carry.V"  on [], [K, shape of V]: its last K values before the chunk, in the order of their positions
//   output "carry.V"  on [t]: V itself, of which the caller keeps the last K
//   output "start.V"  on []: its start value where `states:` gives one, to fill the carry of a new stream
// and input "carry.position" where index(t) is read. Axes other than t keep their meaning. The loss is dropped.
// Requires: explicit reads and shapes. Reports E0609 for a model that is not causal along t, naming the read.
Graph carry(Graph graph, const Registry& registry, Diagnostics& diagnostics);

inline constexpr std::string_view kStartPrefix = "start.";
inline constexpr std::string_view kCarryPosition = "carry.position";

}  // namespace tapeloop
