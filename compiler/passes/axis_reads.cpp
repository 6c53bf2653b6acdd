#include "compiler/passes/axis_reads.h"

#include <algorithm>

#include "core/kind.h"

namespace tapeloop {
namespace {

std::size_t at(std::int32_t id) { return static_cast<std::size_t>(id); }

}  // namespace

bool reads_whole_run(const Graph& graph, const Node& node, AxisId axis) {
  switch (node.kind->role) {
    case Role::kLength:
    case Role::kExtremeAlong:
      return node.axis == axis;
    case Role::kIndex:
      return node.axis == axis && number_of(node.attributes, "reversed", 0) != 0;
    case Role::kSumTo:
      return graph[node.operands[0]].space.has(axis) && !node.space.has(axis);
    case Role::kMove:
      return std::any_of(node.moves.begin(), node.moves.end(),
                         [&](const Move& move) { return move.axis == axis && move.from == Move::From::kEnd; });
    default:
      return false;
  }
}

bool reads_future(const Node& node, AxisId axis) {
  return std::any_of(node.moves.begin(), node.moves.end(),
                     [&](const Move& move) { return move.axis == axis && move.from != Move::From::kEnd && move.offset > 0; });
}

bool follows(const Graph& graph, Space space, AxisId axis) {
  if (space.has(axis)) return true;
  for (const AxisId other : space.axes()) {
    for (const AxisId from : graph.axes[at(other)].derivation.from) {
      if (follows(graph, Space::batch().with(from), axis)) return true;
    }
  }
  return false;
}

void renumber_axes(Graph& graph, const std::vector<AxisId>& now) {
  const auto renumbered = [&](Space space) {
    Space result = space.on_batch() ? Space::batch() : Space::parameters();
    for (const AxisId axis : space.axes()) result = result.with(now[at(axis)]);
    return result;
  };
  const auto rename = [&](AxisId& axis) { axis = axis == kNone ? kNone : now[at(axis)]; };
  for (Node& node : graph.nodes) {
    node.space = renumbered(node.space);
    node.counted = renumbered(node.counted);
    rename(node.axis);
    for (Move& move : node.moves) rename(move.axis);
    for (Outside& outside : node.outsides) rename(outside.axis);
    rename(node.remap.from);
    for (Remap::Step& step : node.remap.steps) rename(step.axis);
    for (AxisId& axis : node.remap.after) rename(axis);
    for (AxisId& axis : node.extra_axes) rename(axis);
  }
  for (Axis& axis : graph.axes) {
    rename(axis.within);
    for (AxisId& from : axis.derivation.from) rename(from);
  }
}

}  // namespace tapeloop
