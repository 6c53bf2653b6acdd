// Which part of a graph needs a loop, and which is done once for all positions: the algorithm of Allen & Kennedy (1987) for loop
// nests. A strong component that reads itself becomes a scan along the outermost axis of its taps; its body is partitioned again
// without the reads that this axis carries. Everything else is bulk.
#pragma once

#include <string>
#include <vector>

#include "core/diagnostics.h"
#include "core/graph.h"
#include "core/plan.h"

namespace tapeloop {

struct ScheduleItem {
  std::vector<NodeId> nodes;  // of a bulk item, in an order in which they can be done
  AxisId axis = kNone;        // of a scan; kNone: bulk
  bool backwards = false;
  std::vector<ScheduleItem> body;
  std::string reason;
  NodeId goes_on = kNone;  // of a scan along trial positions: once it is 0 for all rows, the scan is over

  bool is_scan() const { return axis != kNone; }
};

struct Schedule {
  std::vector<ScheduleItem> forward;
  std::vector<ScheduleItem> backward;
  std::vector<Reason> reasons;  // of each node
};

struct PartitionOptions {
  bool hoist = true;  // false: what could be done in bulk stays in the scan along its axis where that is legal
};

// Requires: explicit reads. Ensures: every node is in exactly one item, after what it reads at its position. Reports E06xx for
// containers that are not legal, with the cycle.
Schedule partition(const Graph& graph, const PartitionOptions& options, Diagnostics& diagnostics);

// All edges that order the nodes: reads, and from the length of an axis to every value on it.
struct OrderEdge {
  NodeId producer = kNone;
  NodeId reader = kNone;
  std::vector<std::pair<AxisId, std::int32_t>> shifts;
  Space whole;
  bool control = false;

  std::int32_t shift(AxisId axis) const;
};

// Says why no axis carries the component's cycles.
void report_illegal(const Graph& graph, const std::vector<NodeId>& component, const std::vector<const OrderEdge*>& edges,
                    Diagnostics& diagnostics);

}  // namespace tapeloop
