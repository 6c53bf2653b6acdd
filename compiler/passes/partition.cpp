#include "compiler/passes/partition.h"

#include <algorithm>
#include <utility>

#include "compiler/passes/strong_components.h"
#include "core/kind.h"

namespace tapeloop {
namespace {

using EdgeList = std::vector<const OrderEdge*>;

std::vector<OrderEdge> order_edges(const Graph& graph) {
  std::vector<OrderEdge> edges;
  for (NodeId reader = 0; reader < graph.size(); ++reader) {
    for (ReadEdge& read : read_edges(graph, reader)) edges.push_back({read.producer, reader, std::move(read.shifts), read.whole, false});
    const Node& node = graph[reader];
    Space measured = node.space | node.counted;
    if (node.kind->role == Role::kLength) measured = measured.with(node.axis);
    for (const AxisId axis : measured.axes()) {
      const NodeId length = graph.axes[static_cast<std::size_t>(axis)].length;
      if (length != kNone) edges.push_back({length, reader, {}, {}, true});
      const NodeId goes_on = graph.axes[static_cast<std::size_t>(axis)].goes_on;  // positions to which no row goes on are left out
      if (goes_on != kNone && goes_on != reader && node.space.has(axis)) edges.push_back({goes_on, reader, {{axis, -1}}, {}, false});
    }
  }
  return edges;
}

class Partition {
 public:
  Partition(const Graph& graph, const PartitionOptions& options, Diagnostics& diagnostics)
      : graph_(graph), options_(options), diagnostics_(diagnostics), local_(graph.nodes.size(), kNone), reasons_(graph.nodes.size()) {
    for (const Axis& axis : graph.axes) is_length_.push_back(axis.length);
  }

  std::vector<ScheduleItem> run(Phase phase, const std::vector<OrderEdge>& all) {
    std::vector<NodeId> nodes;
    EdgeList edges;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (graph_[id].phase == phase) nodes.push_back(id);
    }
    for (const OrderEdge& edge : all) {
      if (graph_[edge.producer].phase == phase && graph_[edge.reader].phase == phase) edges.push_back(&edge);
    }
    return items(nodes, edges, Space());
  }

  std::vector<Reason> take_reasons() { return std::move(reasons_); }

 private:
  // The items of these nodes inside the scans along the open axes.
  std::vector<ScheduleItem> items(const std::vector<NodeId>& nodes, const EdgeList& all, Space open) {
    for (std::size_t k = 0; k < nodes.size(); ++k) local_[static_cast<std::size_t>(nodes[k])] = static_cast<std::int32_t>(k);
    EdgeList edges;
    std::vector<std::pair<std::int32_t, std::int32_t>> pairs;
    std::vector<char> loops(nodes.size());
    for (const OrderEdge* edge : all) {
      const bool carried =
          std::any_of(edge->shifts.begin(), edge->shifts.end(), [&](const auto& s) { return s.second != 0 && open.has(s.first); });
      if (carried) continue;
      const std::int32_t from = local_[static_cast<std::size_t>(edge->producer)];
      const std::int32_t to = local_[static_cast<std::size_t>(edge->reader)];
      edges.push_back(edge);
      pairs.emplace_back(from, to);
      if (from == to) loops[static_cast<std::size_t>(from)] = 1;
    }
    const auto components = strong_components(static_cast<std::int32_t>(nodes.size()), pairs, loops);

    std::vector<std::int32_t> component_of(nodes.size());
    for (std::size_t c = 0; c < components.size(); ++c) {
      for (const std::int32_t v : components[c]) component_of[static_cast<std::size_t>(v)] = static_cast<std::int32_t>(c);
    }
    std::vector<EdgeList> inside(components.size());
    for (std::size_t k = 0; k < edges.size(); ++k) {
      const auto c = static_cast<std::size_t>(component_of[static_cast<std::size_t>(pairs[k].first)]);
      if (component_of[static_cast<std::size_t>(pairs[k].second)] == static_cast<std::int32_t>(c)) inside[c].push_back(edges[k]);
    }

    std::vector<ScheduleItem> result;
    for (std::size_t c = 0; c < components.size(); ++c) {
      std::vector<NodeId> members;
      for (const std::int32_t v : components[c]) members.push_back(nodes[static_cast<std::size_t>(v)]);
      if (inside[c].empty()) {
        if (result.empty() || result.back().is_scan()) result.emplace_back();
        result.back().nodes.push_back(members[0]);
        reasons_[static_cast<std::size_t>(members[0])] = bulk_reason(members[0], open);
      } else {
        add_scan(result, members, inside[c], open);
      }
    }
    if (!options_.hoist) pull_into_scans(result, edges, open);
    return result;
  }

  void add_scan(std::vector<ScheduleItem>& result, const std::vector<NodeId>& members, const EdgeList& inside, Space open) {
    // Lengths are set between scans, not within one.
    const bool needs_lengths = std::any_of(inside.begin(), inside.end(), [](const OrderEdge* edge) { return edge->control; });
    if (needs_lengths) return report_illegal(graph_, members, inside, diagnostics_);
    for (AxisId axis = 0; axis < static_cast<AxisId>(graph_.axes.size()); ++axis) {
      const int direction = carries(axis, members, inside, open);
      if (direction == 0) continue;
      ScheduleItem scan;
      scan.axis = axis;
      scan.backwards = direction > 0;
      scan.reason = scan_reason(axis, inside);
      const NodeId goes_on = graph_.axes[static_cast<std::size_t>(axis)].goes_on;
      if (std::find(members.begin(), members.end(), goes_on) != members.end()) {
        scan.goes_on = goes_on;
        scan.reason += "; until no row goes on";
      }
      for (const NodeId id : members) reasons_[static_cast<std::size_t>(id)] = cycle_reason(id, axis, inside);
      scan.body = items(members, inside, open.with(axis));
      result.push_back(std::move(scan));
      return;
    }
    report_illegal(graph_, members, inside, diagnostics_);
  }

  // -1: the axis carries the component forwards, 1: backwards, 0: not at all.
  int carries(AxisId axis, const std::vector<NodeId>& members, const EdgeList& inside, Space open) const {
    if (open.has(axis)) return 0;
    for (const NodeId id : members) {
      if (!graph_[id].space.has(axis) || !graph_[id].kind->moves_freely) return 0;
    }
    std::int32_t least = 0;
    std::int32_t most = 0;
    for (const OrderEdge* edge : inside) {
      if (edge->whole.has(axis)) return 0;
      least = std::min(least, edge->shift(axis));
      most = std::max(most, edge->shift(axis));
    }
    if (least < 0 && most == 0) return -1;
    return least == 0 && most > 0 ? 1 : 0;
  }

  const std::string& axis_name(AxisId axis) const { return graph_.axes[static_cast<std::size_t>(axis)].name; }

  // The value whose tap closes the cycle, as the user wrote it: "h_tm1".
  static const OrderEdge* closing(AxisId axis, const EdgeList& inside) {
    for (const OrderEdge* edge : inside) {
      if (edge->shift(axis) != 0) return edge;
    }
    return nullptr;
  }

  std::string scan_reason(AxisId axis, const EdgeList& inside) const {
    const OrderEdge* edge = closing(axis, inside);
    return graph_[edge->producer].name + " needs " + graph_[edge->reader].text;
  }

  Reason cycle_reason(NodeId id, AxisId axis, const EdgeList& inside) const {
    Reason reason;
    reason.kind = Reason::Kind::kInCycle;
    reason.axis = axis;
    reason.reader = id;
    const OrderEdge* cause = closing(axis, inside);
    const std::string scan = "in the scan along " + axis_name(axis) + ": ";
    const Node& node = graph_[id];
    for (const NodeId operand : node.operands) {
      if (operand == kNone || local_[static_cast<std::size_t>(operand)] == kNone) continue;
      const Role role = graph_[operand].kind->role;
      const bool tapped = role == Role::kMove || role == Role::kUnmove;
      const bool same =
          std::any_of(inside.begin(), inside.end(), [&](const OrderEdge* e) { return e->reader == operand && e->shift(axis) != 0; });
      if (!tapped || !same) continue;
      reason.producer = operand;
      reason.text = scan + "reads " + graph_[operand].text;
      return reason;
    }
    reason.producer = cause->producer;
    reason.shift = cause->shift(axis);
    reason.text = scan + "between " + graph_[cause->reader].text + " and " + graph_[cause->producer].name;
    return reason;
  }

  Reason bulk_reason(NodeId id, Space open) const {
    Reason reason;
    const Node& node = graph_[id];
    if (!open.axes().empty()) {
      return reasons_[static_cast<std::size_t>(id)];
    }
    if (node.space == Space::parameters()) {
      reason.kind = Reason::Kind::kParameters;
      const Role role = node.kind->role;
      const bool sums = role == Role::kSumTo || role == Role::kProductSum || role == Role::kMoveOutside || role == Role::kCount;
      reason.text = sums ? "in bulk: one sum over all points, in no cycle" : "once a run: the same for all examples and positions";
      return reason;
    }
    reason.kind = Reason::Kind::kNoCycle;
    reason.text = node.space.axes().empty() ? "once for each example: in no cycle"
                                            : "in bulk: in no cycle, so once for all of " + graph_.text(node.space);
    return reason;
  }

  // Without hoisting: moves bulk nodes into a neighbouring scan along an axis of theirs, where the scan's direction allows it.
  void pull_into_scans(std::vector<ScheduleItem>& result, const EdgeList& edges, Space open) {
    for (std::size_t s = 0; s < result.size(); ++s) {
      if (!result[s].is_scan()) continue;
      const std::vector<std::int32_t> place = places(result);
      std::vector<char> in_scan(graph_.nodes.size());
      for (const NodeId id : nodes_of(result[s])) in_scan[static_cast<std::size_t>(id)] = 1;
      std::vector<NodeId> pulled;
      const auto consider = [&](NodeId id, bool before) {
        if (!may_join(id, result[s], before, place, static_cast<std::int32_t>(s), in_scan, edges)) return;
        in_scan[static_cast<std::size_t>(id)] = 1;
        pulled.push_back(id);
      };
      for (std::size_t b = s; b-- > 0;) {
        std::for_each(result[b].nodes.rbegin(), result[b].nodes.rend(), [&](NodeId id) { consider(id, true); });
      }
      for (std::size_t b = s + 1; b < result.size(); ++b) {
        for (const NodeId id : result[b].nodes) consider(id, false);
      }
      if (pulled.empty()) continue;
      for (ScheduleItem& item : result) {
        std::erase_if(item.nodes, [&](NodeId id) { return in_scan[static_cast<std::size_t>(id)] != 0; });
      }
      rebuild_scan(result[s], in_scan, edges, open);
    }
    std::erase_if(result, [](const ScheduleItem& item) { return !item.is_scan() && item.nodes.empty(); });
  }

  bool may_join(NodeId id, const ScheduleItem& scan, bool before, const std::vector<std::int32_t>& place, std::int32_t s,
                const std::vector<char>& in_scan, const EdgeList& edges) const {
    const Node& node = graph_[id];
    const Role role = node.kind->role;
    if (!node.space.has(scan.axis) || !node.kind->moves_freely || role == Role::kInput) return false;
    if (std::find(is_length_.begin(), is_length_.end(), id) != is_length_.end() || waits_for_lengths(node, in_scan)) return false;
    const auto fits = [&](const OrderEdge* edge) {
      const std::int32_t shift = edge->shift(scan.axis);
      return !edge->whole.has(scan.axis) && (scan.backwards ? shift >= 0 : shift <= 0);
    };
    for (const OrderEdge* edge : edges) {
      if ((before ? edge->producer : edge->reader) != id) continue;
      const NodeId other = before ? edge->reader : edge->producer;
      const std::int32_t where = place[static_cast<std::size_t>(other)];
      if (in_scan[static_cast<std::size_t>(other)] ? !fits(edge) : (before ? where <= s : where >= s)) return false;
    }
    return true;
  }

  // Lengths that a scan makes are known behind it.
  bool waits_for_lengths(const Node& node, const std::vector<char>& in_scan) const {
    for (AxisId axis = 0; axis < static_cast<AxisId>(graph_.axes.size()); ++axis) {
      const NodeId length = graph_.axes[static_cast<std::size_t>(axis)].length;
      if (length == kNone || !in_scan[static_cast<std::size_t>(length)]) continue;
      const Space late = derived_from(graph_, axis).with(axis);
      if (!(node.space & late).axes().empty() || (node.axis != kNone && late.has(node.axis))) return true;
    }
    return false;
  }

  void rebuild_scan(ScheduleItem& scan, const std::vector<char>& in_scan, const EdgeList& edges, Space open) {
    std::vector<NodeId> members;
    EdgeList inside;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!in_scan[static_cast<std::size_t>(id)]) continue;
      members.push_back(id);
      Reason& reason = reasons_[static_cast<std::size_t>(id)];
      if (reason.kind == Reason::Kind::kInCycle) continue;
      reason.kind = Reason::Kind::kNotHoisted;
      reason.axis = scan.axis;
      reason.text = "in the scan along " + axis_name(scan.axis) + ": in no cycle, but hoisting is off";
    }
    for (const OrderEdge* edge : edges) {
      if (in_scan[static_cast<std::size_t>(edge->producer)] && in_scan[static_cast<std::size_t>(edge->reader)]) inside.push_back(edge);
    }
    scan.body = items(members, inside, open.with(scan.axis));
  }

  static void collect(const ScheduleItem& item, std::vector<NodeId>& nodes) {
    nodes.insert(nodes.end(), item.nodes.begin(), item.nodes.end());
    for (const ScheduleItem& inner : item.body) collect(inner, nodes);
  }

  static std::vector<NodeId> nodes_of(const ScheduleItem& item) {
    std::vector<NodeId> nodes;
    collect(item, nodes);
    return nodes;
  }

  // Position of each node's item in the list.
  std::vector<std::int32_t> places(const std::vector<ScheduleItem>& items) const {
    std::vector<std::int32_t> place(graph_.nodes.size(), kNone);
    for (std::size_t k = 0; k < items.size(); ++k) {
      for (const NodeId id : nodes_of(items[k])) place[static_cast<std::size_t>(id)] = static_cast<std::int32_t>(k);
    }
    return place;
  }

  const Graph& graph_;
  const PartitionOptions& options_;
  Diagnostics& diagnostics_;
  std::vector<std::int32_t> local_;  // node -> number among the nodes partitioned last
  std::vector<Reason> reasons_;
  std::vector<NodeId> is_length_;
};

}  // namespace

std::int32_t OrderEdge::shift(AxisId axis) const {
  for (const auto& [moved, offset] : shifts) {
    if (moved == axis) return offset;
  }
  return 0;
}

Schedule partition(const Graph& graph, const PartitionOptions& options, Diagnostics& diagnostics) {
  const std::vector<OrderEdge> edges = order_edges(graph);
  Schedule schedule;
  Partition parts(graph, options, diagnostics);
  schedule.forward = parts.run(Phase::kForward, edges);
  if (!diagnostics.has_errors()) schedule.backward = parts.run(Phase::kBackward, edges);
  schedule.reasons = parts.take_reasons();
  return schedule;
}

}  // namespace tapeloop
