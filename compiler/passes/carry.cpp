#include "compiler/passes/carry.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "core/builder.h"

namespace tapeloop {
namespace {

class Carrying {
 public:
  Carrying(Graph& graph, const Registry& registry, Diagnostics& diagnostics)
      : graph_(graph), registry_(registry), diagnostics_(diagnostics) {}

  void run() {
    graph_.losses.clear();
    graph_.total_loss = kNone;
    while (t_ < static_cast<AxisId>(graph_.axes.size()) && graph_.axes[static_cast<std::size_t>(t_)].name != "t") ++t_;
    if (t_ == static_cast<AxisId>(graph_.axes.size())) {
      diagnostics_.error("E0609", {}, "the model has no axis t to step along");
      return;
    }
    if (graph_.axes[static_cast<std::size_t>(t_)].decided()) {
      refuse(graph_.axes[static_cast<std::size_t>(t_)].until, "decides how long t is");
      return;
    }
    count_ = graph_.size();
    derived_ = derived_from(graph_, t_);
    for (NodeId id = 0; id < count_; ++id) {
      check(id);
      measure(id);
    }
    if (diagnostics_.has_errors()) return;
    for (auto& [value, tapped] : tapped_) declare(value, tapped);
    for (NodeId id = 0; id < count_; ++id) connect(id);
    count_positions();
  }

 private:
  struct Tapped {
    std::int32_t lag = 0;
    NodeId carried = kNone;  // the input
    NodeId start = kNone;
  };

  void refuse(NodeId id, const std::string& why) {
    diagnostics_.error("E0609", graph_[id].source, "the model cannot be run step by step along t: '" + graph_[id].text + "' " + why,
                       "run whole sequences instead");
  }

  void check(NodeId id) {
    const Node& node = graph_[id];
    const bool about_derived = node.axis != kNone && derived_.has(node.axis);
    if (about_derived || !(node.space & derived_).axes().empty()) refuse(id, "lies on an axis that follows from t as a whole");
    if (node.kind->role == Role::kLength && node.axis == t_) refuse(id, "is known only at the end");
    for (const ReadEdge& edge : read_edges(graph_, id)) {
      if (edge.whole.has(t_)) refuse(id, "reads all of t");
      for (const auto& [axis, offset] : edge.shifts) {
        if (axis == t_ && offset > 0) refuse(id, "reads the future");
      }
    }
    for (const Move& move : node.moves) {
      if (move.axis == t_ && graph_[node.operands[0]].space.axes().size() > 1) refuse(id, "looks back on a value with more axes than t");
    }
  }

  bool looks_back(const Node& node) const {
    return node.kind->role == Role::kMove && node.moves.size() == 1 && node.moves[0].axis == t_ && node.moves[0].offset < 0;
  }

  void measure(NodeId id) {
    const Node& node = graph_[id];
    if (!looks_back(node)) return;
    Tapped& tapped = tapped_[node.operands[0]];
    tapped.lag = std::max(tapped.lag, -node.moves[0].offset);
    if (!node.outsides.empty()) tapped.start = node.operands[static_cast<std::size_t>(node.outsides[0].operand)];
  }

  void declare(NodeId value, Tapped& tapped) {
    const Node of = graph_[value];
    Node input;
    input.kind = &registry_.at("input");
    input.space = Space::batch();
    input.shape = of.shape;
    input.shape.insert(input.shape.begin(), Dim(tapped.lag));
    input.type = of.type;
    input.name = std::string(kCarryPrefix) + of.name;
    input.source = of.source;
    graph_.outputs.push_back({input.name, value});
    if (tapped.start != kNone) graph_.outputs.push_back({std::string(kStartPrefix) + of.name, tapped.start});
    tapped.carried = graph_.add(std::move(input));
    graph_.names[graph_[tapped.carried].name] = tapped.carried;
  }

  void connect(NodeId id) {
    if (!looks_back(graph_[id])) return;
    const Tapped& tapped = tapped_.at(graph_[id].operands[0]);
    Node& node = graph_[id];
    node.operands = {node.operands[0], tapped.carried};
    node.outsides = {{t_, 1, tapped.lag}};
  }

  // Position in the stream = position in the chunk + what went before.
  void count_positions() {
    NodeId offset = kNone;
    for (NodeId id = 0; id < count_; ++id) {
      if (graph_[id].kind->role != Role::kIndex || graph_[id].axis != t_) continue;
      if (offset == kNone) {
        Node input;
        input.kind = &registry_.at("input");
        input.space = Space::batch();
        input.type = Type::kInt;
        input.name = kCarryPosition;
        offset = graph_.add(std::move(input));
        graph_.names[graph_[offset].name] = offset;
      }
      Node index = graph_[id];
      index.is_part = true;
      index.name += "#chunk";
      const NodeId inside = graph_.add(std::move(index));
      Node& node = graph_[id];
      node.kind = &registry_.at("add");
      node.operands = {inside, offset};
      node.attributes.clear();
      node.axis = kNone;
    }
  }

  Graph& graph_;
  const Registry& registry_;
  Diagnostics& diagnostics_;
  AxisId t_ = 0;
  Space derived_;  // the axes that follow from t
  NodeId count_ = 0;
  std::map<NodeId, Tapped> tapped_;
};

}  // namespace

Graph carry(Graph graph, const Registry& registry, Diagnostics& diagnostics) {
  Carrying(graph, registry, diagnostics).run();
  return graph;
}

}  // namespace tapeloop
