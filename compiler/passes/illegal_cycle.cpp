// Why no axis carries a cycle: the six cases, told apart, each with its cycle name by name.

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "compiler/passes/partition.h"
#include "core/kind.h"

namespace tapeloop {
namespace {

using EdgeList = std::vector<const OrderEdge*>;

// The shortest chain of edges from one node to another; empty if there is none.
EdgeList shortest_path(NodeId from, NodeId to, const EdgeList& edges) {
  std::map<NodeId, EdgeList> after;
  for (const OrderEdge* edge : edges) after[edge->producer].push_back(edge);
  std::map<NodeId, const OrderEdge*> came_by;
  std::deque<NodeId> work{from};
  while (!work.empty()) {
    const NodeId id = work.front();
    work.pop_front();
    for (const OrderEdge* edge : after[id]) {
      if (came_by.count(edge->reader)) continue;
      came_by[edge->reader] = edge;
      if (edge->reader != to) {
        work.push_back(edge->reader);
        continue;
      }
      EdgeList path{edge};
      while (path.front()->producer != from) path.insert(path.begin(), came_by[path.front()->producer]);
      return path;
    }
  }
  return {};
}

class IllegalCycle {
 public:
  IllegalCycle(const Graph& graph, const std::vector<NodeId>& component, const EdgeList& edges)
      : graph_(graph), component_(component), edges_(edges) {}

  void report(Diagnostics& diagnostics) {
    if (by_length(diagnostics) || by_no_shift(diagnostics) || by_kind(diagnostics) || by_reduction(diagnostics)) return;
    both_directions(diagnostics);
  }

 private:
  const std::string& axis_name(AxisId axis) const { return graph_.axes[static_cast<std::size_t>(axis)].name; }

  std::string tap(const std::string& name, const EdgeList& edges) const {
    std::string text = name;
    for (const OrderEdge* edge : edges) {
      for (const auto& [axis, offset] : edge->shifts) {
        if (offset == 0) continue;
        const std::string distance = std::to_string(std::abs(offset));
        text += axis_name(axis) == "t" ? std::string("_t") + (offset < 0 ? "m" : "p") + distance
                                       : "[" + axis_name(axis) + (offset < 0 ? "-" : "+") + distance + "]";
      }
    }
    return text;
  }

  // "h_tm1 (line 9) -> r (line 7) -> h": named values only; a tap stands on the value that it reads.
  std::string cycle_text(const EdgeList& cycle) const {
    std::size_t start = 0;
    while (start < cycle.size() && graph_[cycle[start]->producer].is_part) ++start;
    if (start == cycle.size()) return graph_[cycle[0]->producer].text;
    const std::string first = graph_[cycle[start]->producer].name;
    std::string text;
    for (std::size_t k = 0; k < cycle.size();) {
      const Node& node = graph_[cycle[(start + k) % cycle.size()]->producer];
      EdgeList until_next;
      do {
        until_next.push_back(cycle[(start + k++) % cycle.size()]);
      } while (k < cycle.size() && graph_[cycle[(start + k) % cycle.size()]->producer].is_part);
      text += tap(node.name, until_next) + (node.source.known() ? " (line " + std::to_string(node.source.line) + ")" : "") + " -> ";
    }
    return text + first;
  }

  const Node& named_on(const EdgeList& cycle) const {
    for (auto edge = cycle.rbegin(); edge != cycle.rend(); ++edge) {
      if (!graph_[(*edge)->producer].is_part) return graph_[(*edge)->producer];
    }
    return graph_[cycle.back()->producer];
  }

  EdgeList closed(const OrderEdge* edge) const {
    EdgeList cycle = shortest_path(edge->reader, edge->producer, edges_);
    if (edge->reader == edge->producer) cycle.clear();
    cycle.push_back(edge);
    return cycle;
  }

  bool by_length(Diagnostics& diagnostics) const {
    for (const OrderEdge* edge : edges_) {
      if (!edge->control) continue;
      const EdgeList cycle = closed(edge);
      AxisId axis = 0;
      while (graph_.axes[static_cast<std::size_t>(axis)].length != edge->producer) ++axis;
      diagnostics.error(
          "E0604", graph_[edge->producer].source,
          "the length of axis '" + axis_name(axis) + "' depends on values along '" + axis_name(axis) + "' itself: " + cycle_text(cycle),
          "compute the length from values that do not need the axis");
      return true;
    }
    return false;
  }

  bool by_no_shift(Diagnostics& diagnostics) const {
    EdgeList still;
    for (const OrderEdge* edge : edges_) {
      const bool shifted = std::any_of(edge->shifts.begin(), edge->shifts.end(), [](const auto& s) { return s.second != 0; });
      if (!shifted && edge->whole == Space()) still.push_back(edge);
    }
    EdgeList best;
    for (const OrderEdge* edge : still) {
      EdgeList cycle = edge->reader == edge->producer ? EdgeList{} : shortest_path(edge->reader, edge->producer, still);
      if (cycle.empty() && edge->reader != edge->producer) continue;
      cycle.push_back(edge);
      if (best.empty() || cycle.size() < best.size()) best = cycle;
    }
    if (best.empty()) return false;
    // The last named value of the cycle in the file is the one whose earlier reader should look back.
    const Node* late = &named_on(best);
    const Node* early = late;
    for (const OrderEdge* edge : best) {
      const Node& node = graph_[edge->producer];
      if (node.is_part) continue;
      if (node.source.line > late->source.line) late = &node;
      if (node.source.line < early->source.line) early = &node;
    }
    const std::string axis = graph_.axes.empty() || late->space.axes().empty() ? "t" : axis_name(late->space.axes().back());
    const std::string past = axis == "t" ? late->name + "_tm1" : late->name + "[" + axis + "-1]";
    diagnostics.error("E0601", early->source, "'" + early->name + "' needs itself at the same position: " + cycle_text(best),
                      "read " + past + (early->source.known() ? " in line " + std::to_string(early->source.line) : "") +
                          ", the value of the step before");
    return true;
  }

  bool by_kind(Diagnostics& diagnostics) const {
    for (const NodeId id : component_) {
      if (graph_[id].kind->moves_freely) continue;
      for (const OrderEdge* edge : edges_) {
        if (edge->reader != id) continue;
        diagnostics.error(
            "E0605", graph_[id].source,
            "'" + std::string(graph_[id].kind->name) + "' mixes positions, so it cannot stand in the cycle " + cycle_text(closed(edge)),
            "take it out of the recurrence");
        return true;
      }
    }
    return false;
  }

  bool by_reduction(Diagnostics& diagnostics) const {
    for (const OrderEdge* edge : edges_) {
      if (edge->whole == Space()) continue;
      const std::string axis = axis_name(edge->whole.axes().front());
      diagnostics.error("E0603", graph_[edge->reader].source,
                        "a step needs all of '" + graph_[edge->producer].name + "' along '" + axis +
                            "', which needs that step: " + cycle_text(closed(edge)),
                        "reduce values that do not depend on this one, or read the step before");
      return true;
    }
    return false;
  }

  void both_directions(Diagnostics& diagnostics) const {
    AxisId axis = kNone;
    const OrderEdge* past = nullptr;
    const OrderEdge* future = nullptr;
    for (AxisId a = 0; a < static_cast<AxisId>(graph_.axes.size()) && !(past && future); ++a) {
      past = future = nullptr;
      axis = a;
      for (const OrderEdge* edge : edges_) {
        if (edge->shift(a) < 0) past = edge;
        if (edge->shift(a) > 0) future = edge;
      }
    }
    if (!past || !future) {
      not_on_axis(diagnostics);
      return;
    }
    if (has_skew()) {
      diagnostics.error("E0606", graph_[future->reader].source,
                        "only a skewed order of the axes could compute this cycle, and that is not supported: " + cycle_text(closed(past)) +
                            " and " + cycle_text(closed(future)),
                        "make every tap of the cycle point the same way along one of the axes");
      return;
    }
    diagnostics.error("E0602", graph_[future->reader].source,
                      "'" + graph_[future->producer].name + "' needs its past and its future along '" + axis_name(axis) +
                          "': " + cycle_text(closed(past)) + " and " + cycle_text(closed(future)),
                      "no order of the steps computes both; separate the two directions into values that do not read each other");
  }

  void not_on_axis(Diagnostics& diagnostics) const {
    const EdgeList cycle = closed(edges_.front());
    diagnostics.error(
        "E0607", named_on(cycle).source,
        "no axis carries the cycle " + cycle_text(cycle) + ": some of its values do not vary along the axis that its taps move on",
        "let every value of the cycle vary along one axis on which it is tapped");
  }

  // Small weights of the axes under which every tap of the component points backwards.
  bool has_skew() const {
    std::vector<AxisId> axes;
    for (AxisId a = 0; a < static_cast<AxisId>(graph_.axes.size()); ++a) {
      if (std::any_of(edges_.begin(), edges_.end(), [&](const OrderEdge* e) { return e->shift(a) != 0; })) axes.push_back(a);
    }
    if (axes.size() != 2) return false;
    for (int first = -6; first <= 6; ++first) {
      for (int second = -6; second <= 6; ++second) {
        const bool legal = std::all_of(edges_.begin(), edges_.end(), [&](const OrderEdge* e) {
          const int a = e->shift(axes[0]);
          const int b = e->shift(axes[1]);
          return (a == 0 && b == 0) || first * a + second * b < 0;
        });
        if (legal) return true;
      }
    }
    return false;
  }

  const Graph& graph_;
  const std::vector<NodeId>& component_;
  const EdgeList& edges_;
};

}  // namespace

void report_illegal(const Graph& graph, const std::vector<NodeId>& component, const EdgeList& edges, Diagnostics& diagnostics) {
  IllegalCycle(graph, component, edges).report(diagnostics);
}

}  // namespace tapeloop
