// Which values a value is made from, point by point, straight from the definitions in core/graph.h. Arithmetic on what was read
// is in reference.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/graph.h"
#include "runtime/reference_points.h"

namespace tapeloop {

struct ReferenceRead {
  NodeId node = kNone;  // kNone: zeros
  std::int32_t point = 0;
  std::int32_t operand = 0;  // of the reader
  // A start value that has one for each position: which. Of move_outside: which of the result. Of max_along and its like: the
  // position along the axis. Else 0.
  std::int32_t slot = 0;
};

// The reads of all points of one node. Of a^T b summed, they come in pairs.
struct ReferenceReads {
  std::vector<std::int32_t> first;  // [points + 1]
  std::vector<ReferenceRead> list;
  std::span<const ReferenceRead> of(std::int32_t point) const;
};
ReferenceReads find_reads(const Graph& graph, NodeId node, ReferencePoints& points);

// numpy's broadcasting: for each element of a value of shape `to`, that of a value of shape `from`.
std::vector<std::int32_t> stretch(std::span<const std::int64_t> from, std::span<const std::int64_t> to);

}  // namespace tapeloop
