#include "compiler/passes/carry.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "compiler/passes/added_input.h"
#include "core/builder.h"

namespace tapeloop {
namespace {

class Carrying {
 public:
  Carrying(Graph& graph, const Registry& registry, Diagnostics& diagnostics)
      : graph_(graph), registry_(registry), diagnostics_(diagnostics), build_(graph, registry) {}

  void run() {
    graph_.losses.clear();
    graph_.total_loss = kNone;
    while (t_ < static_cast<AxisId>(graph_.axes.size()) && graph_.axes[static_cast<std::size_t>(t_)].name != "t") ++t_;
    if (t_ == static_cast<AxisId>(graph_.axes.size())) {
      diagnostics_.error("E0609", {}, "the model has no axis t to step along");
      return;
    }
    const Axis& axis = graph_.axes[static_cast<std::size_t>(t_)];
    if (axis.decided()) {
      refuse(axis.until, "decides how long t is");
      return;
    }
    if (axis.within != kNone || !axis.fed()) {
      diagnostics_.error("E0609", axis.source,
                         "the model cannot be run step by step along t: it lies within another axis, or its length is computed");
      return;
    }
    count_ = graph_.size();
    derived_ = derived_from(graph_, t_);
    find_live();
    for (NodeId id = 0; id < count_; ++id) {
      if (!live(id)) continue;  // such as what only the loss reads
      check(id);
      measure(id);
    }
    if (diagnostics_.has_errors()) return;
    for (auto& [value, tapped] : tapped_) declare(value, tapped);
    for (NodeId id = 0; id < count_; ++id) {
      if (live(id)) connect(id);
    }
    count_positions();
  }

 private:
  struct Tapped {
    std::int32_t lag = 0;
    NodeId before = kNone;  // what stands before the chunk: the input, or at the first position of a stream the start value
    NodeId start = kNone;
  };

  bool live(NodeId id) const { return live_[static_cast<std::size_t>(id)]; }

  // What the outputs, and the lengths of axes, depend on.
  void find_live() {
    live_.assign(static_cast<std::size_t>(count_), false);
    std::vector<NodeId> work;
    const auto mark = [&](NodeId id) {
      if (id == kNone || live(id)) return;
      live_[static_cast<std::size_t>(id)] = true;
      work.push_back(id);
    };
    for (const OutputRef& output : graph_.outputs) mark(output.node);
    for (const Axis& axis : graph_.axes) mark(axis.length);
    while (!work.empty()) {
      const NodeId id = work.back();
      work.pop_back();
      for (const NodeId operand : graph_[id].operands) mark(operand);
    }
  }

  void refuse(NodeId id, const std::string& why) {
    diagnostics_.error("E0609", graph_[id].source, "the model cannot be run step by step along t: '" + graph_[id].text + "' " + why,
                       "run whole sequences instead");
  }

  bool on_derived(const Node& node) const {
    return !(node.space & derived_).axes().empty() || (node.axis != kNone && derived_.has(node.axis));
  }

  void check(NodeId id) {
    const Node& node = graph_[id];
    const auto follows = [&](NodeId operand) { return operand != kNone && on_derived(graph_[operand]); };
    if (std::any_of(node.operands.begin(), node.operands.end(), follows)) return;  // what it reads is refused
    if (on_derived(node)) refuse(id, "lies on an axis that follows from t as a whole");
    const bool from_end = node.kind->role == Role::kIndex && number_of(node.attributes, "reversed", 0) != 0;
    if ((node.kind->role == Role::kLength || from_end) && node.axis == t_) refuse(id, "is known only at the end");
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
    const std::int32_t slots = node.outsides.empty() ? 0 : node.outsides[0].slots;
    tapped.lag = std::max({tapped.lag, -node.moves[0].offset, slots});
    if (!node.outsides.empty()) tapped.start = node.operands[static_cast<std::size_t>(node.outsides[0].operand)];
    if (slots != 0 && slots < tapped.lag) refuse(id, "has fewer start values than it reads");
  }

  void declare(NodeId value, Tapped& tapped) {
    const Node of = graph_[value];
    Shape shape = of.shape;
    shape.insert(shape.begin(), Dim(tapped.lag));
    tapped.before = add_input(graph_, registry_, std::string(kCarryPrefix) + of.name, Space::batch(), std::move(shape), of.type, of.source);
    graph_.outputs.push_back({graph_[tapped.before].name, value});
    if (tapped.start == kNone) return;
    const NodeId first = shared_input(graph_, registry_, std::string(kCarryFirst), Space::batch(), Type::kBool);
    build_.set_context(Phase::kForward, graph_[tapped.before].name, of.source);
    const std::string name = start_of(graph_[tapped.before].name);
    tapped.before = build_.call("where", {build_.term(first), build_.term(tapped.start), build_.term(tapped.before)}).id;
    graph_.outputs.push_back({name, tapped.before});
  }

  void connect(NodeId id) {
    if (!looks_back(graph_[id])) return;
    const Tapped& tapped = tapped_.at(graph_[id].operands[0]);
    Node& node = graph_[id];
    node.operands = {node.operands[0], tapped.before};
    node.outsides = {{t_, 1, tapped.lag}};
  }

  // Position in the stream = position in the chunk + what went before.
  void count_positions() {
    for (NodeId id = 0; id < count_; ++id) {
      if (!live(id) || graph_[id].kind->role != Role::kIndex || graph_[id].axis != t_) continue;
      const NodeId offset = shared_input(graph_, registry_, std::string(kCarryPosition), Space::batch(), Type::kInt);
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
  GraphBuilder build_;
  AxisId t_ = 0;
  Space derived_;  // the axes that follow from t
  NodeId count_ = 0;
  std::vector<bool> live_;
  std::map<NodeId, Tapped> tapped_;
};

}  // namespace

Graph carry(Graph graph, const Registry& registry, Diagnostics& diagnostics) {
  Carrying(graph, registry, diagnostics).run();
  return graph;
}

}  // namespace tapeloop
