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
// Where `states:` gives a start value, it stands in the place of the carried ones if input "carry.first" [] is 1, and
//   output "carry.V#start" on [], [K, shape of V]: what stood before the chunk, one or the other
// Where index(t) is
// read, input "carry.position" [] is the position of the chunk's first. Both may differ from row to row. Axes other than t keep their
// meaning. The loss is dropped.
// Requires: explicit reads and shapes. Reports E0609 for a model that is not causal along t, naming the read.
Graph carry(Graph graph, const Registry& registry, Diagnostics& diagnostics);

inline constexpr std::string_view kCarryFirst = "carry.first";
inline constexpr std::string_view kCarryPosition = "carry.position";
inline std::string start_of(const std::string& carry) { return carry + "#start"; }

}  // namespace tapeloop
