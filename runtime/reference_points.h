// The points of a ragged batch, numbered for the reference evaluator: row by row, then position by position on each axis,
// outermost first. Nothing is padded, sorted or packed: this is the definition that layouts are checked against.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "core/graph.h"

namespace tapeloop {

// A row and a position on every axis of the graph (those that do not matter are not read).
struct ReferencePlace {
  std::int32_t row = 0;
  std::vector<std::int32_t> at;  // by AxisId
};

class ReferencePoints {
 public:
  static constexpr std::int32_t kOutside = -1;

  // lengths_of(axis): a length for each point of the axes that it lies within. Called once for each axis, when it is first met.
  using LengthsOf = std::function<std::vector<std::int32_t>(AxisId)>;
  ReferencePoints(const Graph& graph, std::int64_t rows, LengthsOf lengths_of);

  std::int64_t rows() const { return rows_; }
  std::int32_t count(Space space) { return table(space).count; }
  void place(Space space, std::int32_t point, ReferencePlace& place);
  // The point of `space` at that place, or kOutside.
  std::int32_t index(Space space, const ReferencePlace& place);
  // Of the run of the axis at that place. REQUIRES: the place is inside the axes that it lies within.
  std::int32_t length(AxisId axis, const ReferencePlace& place);
  std::int32_t extent(AxisId axis);  // longest run
  // For each point of `from`, that of a smaller space `to` with the same positions.
  const std::vector<std::int32_t>& projection(Space from, Space to);

 private:
  struct Table {
    std::vector<AxisId> axes;
    std::int32_t count = 0;
    std::vector<std::int32_t> coordinates;  // [count, 1 + axes]: row, positions
    std::vector<std::int32_t> first;        // first child of each point of the space without the last axis, and the end
  };
  const Table& table(Space space);
  const std::vector<std::int32_t>& lengths(AxisId axis);

  const Graph& graph_;
  std::int64_t rows_;
  LengthsOf lengths_of_;
  std::map<std::uint64_t, Table> tables_;  // by bits of the space
  struct Lengths {
    bool known = false;
    bool open = false;  // being found: asking again is a cycle
    std::vector<std::int32_t> values;
  };
  std::vector<Lengths> lengths_;  // by AxisId
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<std::int32_t>> projections_;
};

}  // namespace tapeloop
