#include "compiler/passes/differentiate.h"

#include <utility>
#include <vector>

#include "core/builder.h"
#include "core/chunk_names.h"

namespace tapeloop {
namespace {

class Differentiation {
 public:
  Differentiation(Graph& graph, const DifferentiateOptions& options, const Registry& registry)
      : graph_(graph), options_(options), registry_(registry), build_(graph, registry), count_(graph.size()) {}

  void run() {
    find_active();
    declare_adjoints();
    seed();
    for (NodeId id = count_ - 1; id >= 0; --id) {
      if (active(id)) collect(id);
    }
    for (NodeId id = 0; id < count_; ++id) {
      if (active(id)) define(id);
    }
    list_gradients();
  }

 private:
  bool active(NodeId id) const { return active_[static_cast<std::size_t>(id)]; }

  bool is_leaf(NodeId id) const {
    const Node& node = graph_[id];
    if (options_.inner && node.type == Type::kFloat) return true;
    if (node.kind->role == Role::kParameter) return !options_.frozen || !options_.frozen(node.name);
    if (node.kind->role != Role::kInput || node.type != Type::kFloat) return false;
    return options_.inputs || (options_.carried && (node.name.starts_with(kCarryPrefix) || node.name.starts_with(kSumPrefix)));
  }

  std::vector<NodeId> roots() const {
    if (!options_.cotangents && graph_.total_loss != kNone) return {graph_.total_loss};
    std::vector<NodeId> found;
    for (const OutputRef& output : graph_.outputs) found.push_back(output.node);
    return found;
  }

  // A value matters if it depends on a leaf and a root depends on it, both by ways that a cotangent can go.
  void find_active() {
    const auto passes = [&](NodeId id) { return graph_[id].kind->differentiable && graph_[id].type == Type::kFloat; };
    std::vector<std::vector<NodeId>> readers(static_cast<std::size_t>(count_));
    std::vector<char> depends(static_cast<std::size_t>(count_));
    std::vector<char> reaches(static_cast<std::size_t>(count_));
    std::vector<NodeId> work;
    for (NodeId id = 0; id < count_; ++id) {
      for (const NodeId operand : graph_[id].operands) {
        if (operand != kNone && passes(id)) readers[static_cast<std::size_t>(operand)].push_back(id);
      }
      if (is_leaf(id)) work.push_back(id);
    }
    const auto flood = [&](std::vector<char>& marks, const auto& next) {
      for (const NodeId id : work) marks[static_cast<std::size_t>(id)] = 1;
      while (!work.empty()) {
        const NodeId id = work.back();
        work.pop_back();
        for (const NodeId other : next(id)) {
          if (other == kNone || marks[static_cast<std::size_t>(other)]) continue;
          marks[static_cast<std::size_t>(other)] = 1;
          work.push_back(other);
        }
      }
    };
    flood(depends, [&](NodeId id) -> const std::vector<NodeId>& { return readers[static_cast<std::size_t>(id)]; });
    work = roots();
    const std::vector<NodeId> none;
    flood(reaches, [&](NodeId id) -> const std::vector<NodeId>& { return passes(id) ? graph_[id].operands : none; });
    active_.assign(static_cast<std::size_t>(count_), false);
    for (NodeId id = 0; id < count_; ++id) {
      const auto k = static_cast<std::size_t>(id);
      active_[k] = depends[k] && reaches[k] && graph_[id].type == Type::kFloat;
    }
  }

  // All adjoints first: h may be read before it is defined.
  void declare_adjoints() {
    adjoint_.assign(static_cast<std::size_t>(count_), kNone);
    contributions_.assign(static_cast<std::size_t>(count_), {});
    for (NodeId id = 0; id < count_; ++id) {
      if (active(id)) adjoint_[static_cast<std::size_t>(id)] = graph_.add(adjoint_of(id, "copy"));
    }
    declared_end_ = graph_.size();
  }

  Node adjoint_of(NodeId id, std::string_view kind) const {
    const Node& of = graph_[id];
    Node node;
    node.kind = &registry_.at(kind);
    node.space = of.space;
    node.shape = of.shape;
    node.phase = Phase::kBackward;
    node.name = "d(" + of.name + ")";
    node.source = of.source;
    node.is_part = of.is_part;
    return node;
  }

  void seed() {
    if (!options_.cotangents && graph_.total_loss != kNone) {
      if (!active(graph_.total_loss)) return;
      build_.set_context(Phase::kBackward, "d(loss)", graph_[graph_.total_loss].source);
      contributions_[static_cast<std::size_t>(graph_.total_loss)].push_back(build_.constant(1).id);
      return;
    }
    for (const OutputRef& output : graph_.outputs) {
      Node cotangent = adjoint_of(output.node, "input");
      cotangent.name = "d(" + output.name + ")";
      cotangent.text = "cotangent(" + output.name + ")";
      cotangent.is_part = false;
      const NodeId id = graph_.add(std::move(cotangent));
      graph_.seeds.push_back(id);
      if (active(output.node)) contributions_[static_cast<std::size_t>(output.node)].push_back(id);
    }
  }

  void collect(NodeId id) {
    const Node node = graph_[id];
    if (!node.kind->adjoint || node.operands.empty()) return;
    std::vector<bool> wanted;
    bool any = false;
    for (const NodeId operand : node.operands) {
      wanted.push_back(operand != kNone && operand < count_ && active(operand));
      any = any || wanted.back();
    }
    if (!any) return;
    build_.set_context(Phase::kBackward, "d(" + node.name + ")", node.source);
    AdjointBuilder rule(build_, id, adjoint_[static_cast<std::size_t>(id)], wanted);
    node.kind->adjoint(rule);
    for (const auto& [operand, contribution] : rule.contributions()) {
      contributions_[static_cast<std::size_t>(node.operands[operand])].push_back(contribution);
    }
  }

  bool fits(NodeId contribution, NodeId id) const {
    return graph_[contribution].space == graph_[id].space &&
           graph_.sizes.resolve(graph_[contribution].shape) == graph_.sizes.resolve(graph_[id].shape);
  }

  // d(v) becomes the sum of its contributions, spread and stretched where they are smaller than v.
  void define(NodeId id) {
    const NodeId adjoint = adjoint_[static_cast<std::size_t>(id)];
    const std::vector<NodeId>& from = contributions_[static_cast<std::size_t>(id)];
    if (from.empty()) {
      become(adjoint, registry_.at("zeros"), {}, "0");
      return;
    }
    if (from.size() == 1 && from[0] >= declared_end_ && fits(from[0], id) && graph_[from[0]].is_part) {
      take_over(adjoint, from[0]);
      return;
    }
    build_.set_context(Phase::kBackward, "d(" + graph_[id].name + ")+", graph_[id].source);
    NodeId sum = from[0];
    for (std::size_t k = 1; k + 1 < from.size(); ++k) sum = (build_.term(sum) + build_.term(from[k])).id;
    const auto text = [&](NodeId part) {
      const bool adjoint_of_other = part < declared_end_;  // known by its name; its own equation may not be there yet
      return is_seed(part) || (graph_[part].is_part && !adjoint_of_other) ? graph_[part].text : graph_[part].name;
    };
    const std::string first = text(sum);
    if (from.size() == 1) {
      become(adjoint, registry_.at("copy"), {sum}, first);
    } else {
      const NodeId last = from.back();
      become(adjoint, registry_.at("add"), {sum, last}, first + " + " + text(last));
    }
  }

  bool is_seed(NodeId id) const { return graph_[id].kind->role == Role::kInput; }

  void become(NodeId adjoint, const NodeKind& kind, std::vector<NodeId> operands, std::string text) {
    graph_[adjoint].kind = &kind;
    graph_[adjoint].operands = std::move(operands);
    graph_[adjoint].text = std::move(text);
  }

  // The adjoint is this one contribution: it takes its definition, so that the plan shows one line and not two.
  void take_over(NodeId adjoint, NodeId contribution) {
    Node node = graph_[contribution];
    node.name = graph_[adjoint].name;
    node.source = graph_[adjoint].source;
    node.is_part = graph_[adjoint].is_part;
    graph_[adjoint] = std::move(node);
  }

  void list_gradients() {
    for (NodeId id = 0; id < count_; ++id) {
      if (!is_leaf(id)) continue;
      NodeId gradient = adjoint_[static_cast<std::size_t>(id)];
      if (gradient == kNone) {
        Node none = adjoint_of(id, "zeros");
        none.text = "0";
        gradient = graph_.add(std::move(none));
      }
      graph_.gradients.emplace_back(id, gradient);
    }
  }

  Graph& graph_;
  const DifferentiateOptions& options_;
  const Registry& registry_;
  GraphBuilder build_;
  NodeId count_;             // nodes of the forward graph
  NodeId declared_end_ = 0;  // the adjoints stand before this, contributions from here on
  std::vector<bool> active_;
  std::vector<NodeId> adjoint_;
  std::vector<std::vector<NodeId>> contributions_;
};

}  // namespace

Graph differentiate(Graph graph, const DifferentiateOptions& options, const Registry& registry) {
  Differentiation(graph, options, registry).run();
  return graph;
}

}  // namespace tapeloop
