#include "compiler/passes/recompute.h"

#include <algorithm>
#include <utility>

#include "compiler/passes/partition.h"

namespace tapeloop {
namespace {

constexpr int kSeveral = -2;  // scans; kNone: none

class Recomputing {
 public:
  Recomputing(Graph& graph, const std::vector<std::string>& keep)
      : graph_(graph), keep_(keep), count_(graph.size()), home_(graph.nodes.size(), kNone), copy_(graph.nodes.size(), kNone) {}

  void run() {
    find_scans();
    find_feeders();
    find_kept();
    // By number: copies are added meanwhile.
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (graph_[id].phase != Phase::kBackward) continue;
      for (std::size_t k = 0; k < graph_[id].operands.size(); ++k) {
        const NodeId again = copy_of(graph_[id].operands[k]);
        graph_[id].operands[k] = again;
      }
    }
  }

 private:
  bool is_forward(NodeId id) const { return id != kNone && id < count_ && graph_[id].phase == Phase::kForward; }
  int& home(NodeId id) { return home_[static_cast<std::size_t>(id)]; }

  void find_scans() {
    Diagnostics unheard;
    const Schedule schedule = partition(graph_, {true}, unheard);
    for (const ScheduleItem& item : schedule.forward) {
      if (item.is_scan()) settle(item);
    }
  }

  void settle(const ScheduleItem& scan) {
    std::vector<const ScheduleItem*> work{&scan};
    while (!work.empty()) {
      const ScheduleItem* item = work.back();
      work.pop_back();
      for (const NodeId id : item->nodes) home(id) = static_cast<int>(axes_.size());
      for (const ScheduleItem& inner : item->body) work.push_back(&inner);
    }
    axes_.push_back(scan.axis);
  }

  bool in_scan(NodeId id) const { return in_scan_[static_cast<std::size_t>(id)]; }

  // Readers before what they read: a value of bulk belongs to the scan that all of its readers belong to.
  void find_feeders() {
    in_scan_.resize(static_cast<std::size_t>(count_));
    std::vector<int> waits(static_cast<std::size_t>(count_), 0);
    for (NodeId id = 0; id < count_; ++id) {
      in_scan_[static_cast<std::size_t>(id)] = home(id) != kNone;
      if (!is_forward(id)) continue;
      for (const NodeId operand : graph_[id].operands) {
        if (operand != kNone) ++waits[static_cast<std::size_t>(operand)];
      }
    }
    std::vector<NodeId> ready;
    for (NodeId id = 0; id < count_; ++id) {
      if (is_forward(id) && (in_scan(id) || waits[static_cast<std::size_t>(id)] == 0)) ready.push_back(id);
    }
    while (!ready.empty()) {
      const NodeId id = ready.back();
      ready.pop_back();
      for (const NodeId operand : graph_[id].operands) {
        if (operand == kNone || in_scan(operand)) continue;
        const int mine = home(id) == kNone ? kSeveral : home(id);
        home(operand) = home(operand) == kNone || home(operand) == mine ? mine : kSeveral;
        if (--waits[static_cast<std::size_t>(operand)] == 0) ready.push_back(operand);
      }
    }
  }

  bool is_computed(NodeId id) const {
    switch (graph_[id].kind->role) {
      case Role::kPoint:
      case Role::kLocal:
      case Role::kAlias:
      case Role::kProduct:
      case Role::kDraw:
      case Role::kIndex:
      case Role::kLength:
        return true;
      default:
        return false;
    }
  }

  void find_kept() {
    again_.resize(static_cast<std::size_t>(count_));
    for (NodeId id = 0; id < count_; ++id) {
      const bool draw = graph_[id].kind->role == Role::kDraw;
      const bool inside = home(id) >= 0 && graph_[id].space.has(axes_[static_cast<std::size_t>(home(id))]);
      again_[static_cast<std::size_t>(id)] = is_forward(id) && graph_[id].space.on_batch() && is_computed(id) && (draw || inside);
    }
    for (NodeId id = 0; id < count_; ++id) {
      const Role role = graph_[id].kind->role;
      const bool moves = role == Role::kMove || role == Role::kUnmove || role == Role::kMoveOutside;
      if (!moves && role != Role::kRemap && role != Role::kUnremap) continue;
      for (const NodeId operand : graph_[id].operands) keep(operand);
    }
    for (const OutputRef& output : graph_.outputs) keep(output.node);
    for (const Axis& axis : graph_.axes) {
      keep(axis.length);
      keep(axis.goes_on);
    }
    for (const std::string& name : keep_) {
      const auto at = graph_.names.find(name);
      if (at != graph_.names.end()) keep(at->second);
    }
    keep(graph_.total_loss);
  }

  // With what it is another shape of.
  void keep(NodeId id) {
    while (id != kNone && id < count_) {
      again_[static_cast<std::size_t>(id)] = false;
      id = graph_[id].kind->role == Role::kAlias ? graph_[id].operands[0] : kNone;
    }
  }

  // What backward reads instead; its own operands are looked at when the loop gets there.
  NodeId copy_of(NodeId id) {
    if (!is_forward(id) || !again_[static_cast<std::size_t>(id)]) return id;
    NodeId& copy = copy_[static_cast<std::size_t>(id)];
    if (copy != kNone) return copy;
    Node node = graph_[id];
    node.phase = Phase::kBackward;
    node.again = true;
    copy = graph_.add(std::move(node));
    return copy;
  }

  Graph& graph_;
  const std::vector<std::string>& keep_;
  NodeId count_;
  std::vector<int> home_;      // the scan that a forward value is in, or that it feeds; kNone, kSeveral
  std::vector<AxisId> axes_;   // [scan]
  std::vector<bool> in_scan_;  // [node]
  std::vector<bool> again_;    // [node]
  std::vector<NodeId> copy_;
};

}  // namespace

Graph recompute(Graph graph, const std::vector<std::string>& keep) {
  Recomputing(graph, keep).run();
  return graph;
}

}  // namespace tapeloop
