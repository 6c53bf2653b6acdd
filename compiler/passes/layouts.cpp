#include "compiler/passes/layouts.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/kind.h"

namespace tapeloop {
namespace {

using Nest = std::vector<AxisId>;

class LayoutAssignment {
 public:
  LayoutAssignment(const Graph& graph, const Schedule& schedule) : graph_(graph), placements_(graph.nodes.size()) {
    walk(schedule.forward, {});
    walk(schedule.backward, {});
  }

  std::vector<Placement> run() {
    for (NodeId id = 0; id < graph_.size(); ++id) placements_[static_cast<std::size_t>(id)].layout = layout_of(id);
    for (NodeId id = 0; id < graph_.size(); ++id) follow_alias(id);
    return std::move(placements_);
  }

 private:
  void walk(const std::vector<ScheduleItem>& items, const Nest& nest) {
    for (const ScheduleItem& item : items) {
      for (const NodeId id : item.nodes) {
        placements_[static_cast<std::size_t>(id)].nest = nest;
        if (!nest.empty()) ++votes_[graph_[id].space.bits()][nest];
      }
      if (!item.is_scan()) continue;
      Nest inner = nest;
      inner.push_back(item.axis);
      walk(item.body, inner);
    }
  }

  Layout layout_of(NodeId id) const {
    const Space space = graph_[id].space;
    const Nest& nest = placements_[static_cast<std::size_t>(id)].nest;
    Layout layout{space, nest, {}};
    int most = 0;
    const auto found = votes_.find(space.bits());
    if (found != votes_.end()) {
      for (const auto& [steps, votes] : found->second) {
        if (votes <= most || steps.size() < nest.size() || !std::equal(nest.begin(), nest.end(), steps.begin())) continue;
        most = votes;
        layout.steps = steps;
      }
    }
    for (const AxisId axis : space.axes()) {
      if (std::find(layout.steps.begin(), layout.steps.end(), axis) == layout.steps.end()) layout.runs.push_back(axis);
    }
    return layout;
  }

  // A reshaped value shares the buffer of what it reads, and so its order.
  void follow_alias(NodeId id) {
    NodeId source = id;
    while (graph_[source].kind->role == Role::kAlias) source = graph_[source].operands[0];
    placements_[static_cast<std::size_t>(id)].layout = placements_[static_cast<std::size_t>(source)].layout;
  }

  const Graph& graph_;
  std::vector<Placement> placements_;
  std::map<std::uint64_t, std::map<Nest, int>> votes_;  // space -> nest -> how many values of it are made there
};

}  // namespace

std::vector<Placement> assign_layouts(const Graph& graph, const Schedule& schedule) { return LayoutAssignment(graph, schedule).run(); }

}  // namespace tapeloop
