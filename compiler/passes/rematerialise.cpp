#include "compiler/passes/rematerialise.h"

#include <utility>
#include <vector>

namespace tapeloop {
namespace {

class Rematerialisation {
 public:
  explicit Rematerialisation(Graph& graph) : graph_(graph), count_(graph.size()) {}

  void run() {
    kept_.assign(static_cast<std::size_t>(count_), false);
    copy_.assign(static_cast<std::size_t>(count_), kNone);
    for (const OutputRef& output : graph_.outputs) {
      if (is_forward(output.node)) kept_[static_cast<std::size_t>(output.node)] = true;
    }
    for (NodeId id = 0; id < count_; ++id) {
      if (graph_[id].phase != Phase::kBackward) continue;
      for (const NodeId operand : graph_[id].operands) keep(operand, is_point_work(id));
    }
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (graph_[id].phase != Phase::kBackward) continue;
      // By number: recomputing adds nodes, which moves all of them. NOLINTNEXTLINE(modernize-loop-convert)
      for (std::size_t k = 0; k < graph_[id].operands.size(); ++k) {
        const NodeId operand = graph_[id].operands[k];
        const NodeId again = recomputed(operand);
        graph_[id].operands[k] = again;
      }
    }
  }

 private:
  bool is_forward(NodeId id) const { return id != kNone && id < count_ && graph_[id].phase == Phase::kForward; }

  // Reads its operands point by point: what is recomputed for it need not be there for all points at once.
  bool is_point_work(NodeId id) const {
    const Role role = graph_[id].kind->role;
    return role == Role::kPoint || role == Role::kLocal;
  }

  // Values that are there in backward whatever we do: outputs, not cheap ones, and those that products, sums and moves read.
  void keep(NodeId id, bool by_points) {
    if (!is_forward(id)) return;
    if (is_plain_move(id)) {
      for (const NodeId operand : graph_[id].operands) keep(operand, false);
    } else if (!by_points || !is_cheap(id)) {
      kept_[static_cast<std::size_t>(id)] = true;
    }
  }

  // Moves of moves may go round in a cycle (an empty run passes its start on): those are kept.
  bool is_plain_move(NodeId id) const {
    if (graph_[id].kind->role != Role::kMove) return false;
    for (const NodeId operand : graph_[id].operands) {
      if (operand != kNone && graph_[operand].kind->role == Role::kMove) return false;
    }
    return true;
  }

  bool is_cheap(NodeId id) const { return graph_[id].kind->role == Role::kPoint && graph_[id].kind->cheap; }

  bool is_there(NodeId id) const {
    const Role role = graph_[id].kind->role;
    const bool given = role == Role::kInput || role == Role::kParameter || role == Role::kConstant;
    return given || graph_[id].phase == Phase::kBackward || kept_[static_cast<std::size_t>(id)];
  }

  // An operand of a cheap value can be had in backward: it is there, or a move of something that is.
  bool can_be_had(NodeId id) const {
    if (is_there(id)) return true;
    if (!is_plain_move(id)) return false;
    for (const NodeId operand : graph_[id].operands) {
      if (operand != kNone && !is_there(operand)) return false;
    }
    return true;
  }

  // The node that backward reads instead of this one: itself, or its copy in the backward phase.
  NodeId recomputed(NodeId id) {
    if (!is_forward(id) || kept_[static_cast<std::size_t>(id)]) return id;
    const bool move = is_plain_move(id);
    if (!move && !is_cheap(id)) return id;
    if (copy_[static_cast<std::size_t>(id)] != kNone) return copy_[static_cast<std::size_t>(id)];
    if (!move) {
      for (const NodeId operand : graph_[id].operands) {
        if (!can_be_had(operand)) return id;
      }
    }
    Node node = graph_[id];
    node.phase = Phase::kBackward;
    copy_[static_cast<std::size_t>(id)] = graph_.add(std::move(node));
    return copy_[static_cast<std::size_t>(id)];  // its own operands are looked at when the loop gets there
  }

  Graph& graph_;
  NodeId count_;
  std::vector<bool> kept_;
  std::vector<NodeId> copy_;
};

}  // namespace

Graph rematerialise(Graph graph) {
  Rematerialisation(graph).run();
  return graph;
}

}  // namespace tapeloop
