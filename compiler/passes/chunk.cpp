#include "compiler/passes/chunk.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/passes/added_input.h"
#include "core/builder.h"

namespace tapeloop {
namespace {

class Chunking {
 public:
  Chunking(Graph& graph, const ChunkOptions& options, const Registry& registry, Diagnostics& diagnostics)
      : graph_(graph), options_(options), registry_(registry), diagnostics_(diagnostics), build_(graph, registry) {}

  void run() {
    if (!find_axis()) return;
    derived_ = derived_from(graph_, t_);
    count_ = graph_.size();
    keep_outputs();
    find_live();
    find_after();
    for (NodeId id = 0; id < count_; ++id) {
      if (live(id)) check(id);
    }
    if (diagnostics_.has_errors()) return;
    for (NodeId id = 0; id < count_; ++id) {
      if (live(id)) measure(id);
    }
    if (diagnostics_.has_errors()) return;
    if (options_.part == ChunkPart::kChunk) {
      make_chunk();
    } else {
      make_tail();
    }
    drop_inputs();
  }

 private:
  // A value that is read some steps back, or from its end.
  struct Tapped {
    std::int32_t lag = 0;  // the farthest: steps
    NodeId start = kNone;
    std::int32_t start_slots = 0;
    NodeId carried = kNone;  // the input
    NodeId before = kNone;   // what stands before the chunk: the input, or in the first chunk the start value
  };

  bool live(NodeId id) const { return live_[static_cast<std::size_t>(id)]; }
  bool after(NodeId id) const { return after_[static_cast<std::size_t>(id)]; }
  bool on_axis(NodeId id) const { return graph_[id].space.has(t_); }
  Space along() const { return Space::batch().with(t_); }

  void refuse(NodeId id, const std::string& why) {
    diagnostics_.error("E0610", graph_[id].source, "the model cannot be run in chunks along t: '" + graph_[id].text + "' " + why,
                       "leave out train.memory.checkpoint and train.truncate, or read along t only what has been");
  }

  bool find_axis() {
    while (t_ < static_cast<AxisId>(graph_.axes.size()) && graph_.axes[static_cast<std::size_t>(t_)].name != "t") ++t_;
    const bool found = t_ < static_cast<AxisId>(graph_.axes.size());
    if (found && graph_.axes[static_cast<std::size_t>(t_)].within == kNone && graph_.axes[static_cast<std::size_t>(t_)].fed()) {
      return true;
    }
    diagnostics_.error("E0610", found ? graph_.axes[static_cast<std::size_t>(t_)].source : Source{},
                       found ? "the model cannot be run in chunks along t: it lies within another axis, or its length is computed"
                             : "the model has no axis t to be cut in chunks along");
    return false;
  }

  void keep_outputs() {
    if (!options_.outputs && graph_.total_loss != kNone) graph_.outputs.clear();
  }

  template <class Visit>
  void each_root(const Visit& visit) const {
    for (const OutputRef& output : graph_.outputs) visit(output.node);
    if (graph_.total_loss != kNone) visit(graph_.total_loss);
    for (const Axis& axis : graph_.axes) {
      if (axis.length != kNone) visit(axis.length);
    }
  }

  void find_live() {
    live_.assign(static_cast<std::size_t>(graph_.size()), false);
    std::vector<NodeId> work;
    const auto mark = [&](NodeId id) {
      if (id == kNone || live_[static_cast<std::size_t>(id)]) return;
      live_[static_cast<std::size_t>(id)] = true;
      work.push_back(id);
    };
    each_root(mark);
    while (!work.empty()) {
      const NodeId id = work.back();
      work.pop_back();
      for (const NodeId operand : graph_[id].operands) mark(operand);
    }
  }

  // Not on t, and it reads values at several positions of t.
  bool gathers(NodeId id) const {
    const Node& node = graph_[id];
    if (on_axis(id)) return false;
    if (node.kind->role == Role::kCount) return node.counted.has(t_);
    return std::any_of(node.operands.begin(), node.operands.end(), [&](NodeId operand) { return operand != kNone && on_axis(operand); });
  }

  // What is known after the last chunk only.
  void find_after() {
    after_.assign(static_cast<std::size_t>(count_), false);
    std::vector<std::vector<NodeId>> readers(static_cast<std::size_t>(count_));
    std::vector<NodeId> work;
    for (NodeId id = 0; id < count_; ++id) {
      for (const NodeId operand : graph_[id].operands) {
        if (operand != kNone) readers[static_cast<std::size_t>(operand)].push_back(id);
      }
      if (gathers(id)) work.push_back(id);
    }
    while (!work.empty()) {
      const NodeId id = work.back();
      work.pop_back();
      if (after(id)) continue;
      after_[static_cast<std::size_t>(id)] = true;
      for (const NodeId reader : readers[static_cast<std::size_t>(id)]) {
        if (!on_axis(reader)) work.push_back(reader);
      }
    }
  }

  void check(NodeId id) {
    const Node& node = graph_[id];
    const bool about_derived = node.axis != kNone && derived_.has(node.axis);
    if (about_derived || !(node.space & derived_).axes().empty()) return refuse(id, "lies on an axis that follows from t as a whole");
    if (gathers(id)) return check_gathering(id);
    if (!on_axis(id)) return;
    for (const NodeId operand : node.operands) {
      if (operand != kNone && after(operand)) return refuse(id, "reads '" + graph_[operand].text + "', which needs all of t");
    }
    for (const ReadEdge& edge : read_edges(graph_, id)) {
      if (edge.whole.has(t_)) return refuse(id, "reads all of t");
      for (const auto& [axis, offset] : edge.shifts) {
        if (axis == t_ && offset > 0) return refuse(id, "reads the future");
      }
    }
    const auto moves = [&](const Move& move) { return move.axis == t_; };
    if (std::any_of(node.moves.begin(), node.moves.end(), moves) && !looks_back(node)) {
      refuse(id, "looks back on a value with more axes than t");
    }
    check_axes(id);
  }

  // The lengths that are fed for an axis within t can be cut if it is known where each position of t has its own.
  void check_axes(NodeId id) {
    const auto length = [&](AxisId axis) { return graph_.axes[static_cast<std::size_t>(axis)].length; };
    for (const AxisId axis : graph_[id].space.axes()) {
      if (length(axis) != kNone && after(length(axis))) return refuse(id, "lies on an axis whose length needs all of t");
      if (length(axis) != kNone || !graph_.within(axis).has(t_)) continue;
      for (const AxisId outer : graph_.within(axis).axes()) {
        if (!graph_.axes[static_cast<std::size_t>(outer)].fed())
          return refuse(id, "lies on an axis with lengths of its own within one whose length is computed");
      }
    }
  }

  void check_gathering(NodeId id) {
    const Role role = graph_[id].kind->role;
    if (role == Role::kSumTo || role == Role::kCount || reads_end(graph_[id])) return;
    refuse(id, "reads all of t otherwise than by a sum, a mean or from its end");
  }

  bool moves_along(const Node& node) const {
    return node.kind->role == Role::kMove && node.moves.size() == 1 && node.moves[0].axis == t_ && node.operands[0] != kNone &&
           graph_[node.operands[0]].space == along() && node.moves[0].offset < 0;
  }
  bool looks_back(const Node& node) const { return moves_along(node) && node.moves[0].from == Move::From::kHere; }
  bool reads_end(const Node& node) const { return moves_along(node) && node.moves[0].from == Move::From::kEnd; }

  void measure(NodeId id) {
    const Node& node = graph_[id];
    if (!looks_back(node) && !reads_end(node)) return;
    const auto [at, is_new] = tapped_.emplace(node.operands[0], Tapped{});
    Tapped& tapped = at->second;
    const NodeId start = node.outsides.empty() ? kNone : node.operands[static_cast<std::size_t>(node.outsides[0].operand)];
    const std::int32_t slots = node.outsides.empty() ? 0 : node.outsides[0].slots;
    if (!is_new && (start != tapped.start || slots != tapped.start_slots)) return refuse(id, "begins otherwise than its other reads");
    if (start != kNone && (graph_[start].space.contains(along()) || after(start))) return refuse(id, "begins with what needs all of t");
    tapped.start = start;
    tapped.start_slots = slots;
    tapped.lag = std::max({tapped.lag, -node.moves[0].offset, slots});
    if (slots != 0 && (slots < tapped.lag || graph_[start].shape.size() != graph_[node.operands[0]].shape.size() + 1)) {
      refuse(id, "has fewer start values than it reads");
    }
  }

  std::string carry_name(NodeId value) const { return std::string(kCarryPrefix) + graph_[value].name; }

  void make_chunk() {
    std::erase_if(graph_.outputs, [&](const OutputRef& output) { return !on_axis(output.node); });
    graph_.losses.clear();
    graph_.total_loss = kNone;
    for (auto& [value, tapped] : tapped_) declare(value, tapped);
    for (NodeId id = 0; id < count_; ++id) {
      if (live(id) && looks_back(graph_[id])) connect(id);
    }
    for (auto& [value, tapped] : tapped_) carry_out(value, tapped);
    for (NodeId id = 0; id < count_; ++id) {
      if (live(id) && gathers(id) && !reads_end(graph_[id])) graph_.outputs.push_back({sum_name(id), id});
    }
    for (NodeId id = 0; id < count_; ++id) {
      if (live(id)) count_positions(id);
    }
    find_live();
  }

  void declare(NodeId value, Tapped& tapped) {
    const Node of = graph_[value];
    Shape shape = of.shape;
    shape.insert(shape.begin(), Dim(tapped.lag));
    tapped.carried = tapped.before = add_input(graph_, registry_, carry_name(value), Space::batch(), shape, of.type, of.source);
    if (tapped.start == kNone) return;
    const NodeId first = shared_input(graph_, registry_, std::string(kChunkFirst), Space::parameters(), Type::kBool);
    build_.set_context(Phase::kForward, carry_name(value), of.source);
    const Term start = build_.term(tapped.start);
    tapped.before = build_.call("where", {build_.term(first), start, build_.term(tapped.carried)}).id;
  }

  void connect(NodeId id) {
    const NodeId value = graph_[id].operands[0];
    const Tapped& tapped = tapped_.at(value);
    graph_[id].operands = {value, tapped.before};
    graph_[id].outsides = {{t_, 1, tapped.lag}};
  }

  void carry_out(NodeId value, const Tapped& tapped) {
    build_.set_context(Phase::kForward, carry_name(value), graph_[value].source);
    for (std::int32_t k = 0; k < tapped.lag; ++k) {
      const Move end{t_, Move::From::kEnd, k - tapped.lag};
      const Term last = build_.move(build_.term(value), {end}, {{t_, 1, tapped.lag}}, {build_.term(tapped.before)}, Space::batch());
      graph_[last.id].type = graph_[value].type;
      graph_.outputs.push_back({carried_out(carry_name(value), k), last.id});
    }
  }

  // Both parts see the same nodes in the same order and so find the same name.
  std::string sum_name(NodeId id) {
    std::string name = std::string(kSumPrefix) + graph_[id].name;
    if (!sums_.insert(name).second) name += "#" + std::to_string(id);
    return name;
  }

  // Position along t = position in the chunk + what went before; the length is that of the whole run.
  void count_positions(NodeId id) {
    const Role role = graph_[id].kind->role;
    if (graph_[id].axis != t_ || (role != Role::kIndex && role != Role::kLength)) return;
    if (role == Role::kLength)
      return become(id, "copy", {shared_input(graph_, registry_, std::string(kChunkLength), Space::batch(), Type::kInt)});
    const bool reversed = number_of(graph_[id].attributes, "reversed", 0) != 0;
    build_.set_context(Phase::kForward, graph_[id].name, graph_[id].source);
    const Term offset = build_.term(shared_input(graph_, registry_, std::string(kChunkPosition), Space::parameters(), Type::kInt));
    const Term inside = build_.index(t_);
    if (!reversed) return become(id, "add", {inside.id, offset.id});
    const Term length = build_.term(shared_input(graph_, registry_, std::string(kChunkLength), Space::batch(), Type::kInt));
    become(id, "subtract", {(length - 1).id, (inside + offset).id});
  }

  void become(NodeId id, std::string_view kind, std::vector<NodeId> operands) {
    Node& node = graph_[id];
    node.kind = &registry_.at(kind);
    node.operands = std::move(operands);
    node.attributes.clear();
    node.moves.clear();
    node.outsides.clear();
    node.counted = {};
    node.axis = kNone;
  }

  void make_tail() {
    std::erase_if(graph_.outputs, [&](const OutputRef& output) { return on_axis(output.node); });
    std::erase_if(graph_.losses, [&](const LossTerm& term) {  // only their means are known here
      return on_axis(term.value) || (term.weights != kNone && on_axis(term.weights));
    });
    for (Axis& axis : graph_.axes) {
      if (axis.length != kNone && on_axis(axis.length)) axis.length = kNone;
    }
    for (NodeId id = 0; id < count_; ++id) {
      if (!live(id) || !gathers(id)) continue;
      const Node node = graph_[id];
      if (reads_end(node)) {
        const std::int32_t lag = tapped_.at(node.operands[0]).lag;
        hand_over(id, carried_out(carry_name(node.operands[0]), lag + node.moves[0].offset));
      } else {
        hand_over(id, sum_name(id));
      }
    }
    find_live();
  }

  // The node is what the chunks leave behind. A count that is a float may be larger than the ints that are exact.
  void hand_over(NodeId id, const std::string& name) {
    const auto known = graph_.names.find(name);
    const NodeId input = known != graph_.names.end()
                             ? known->second
                             : add_input(graph_, registry_, name, graph_[id].space, graph_[id].shape, Type::kFloat, graph_[id].source);
    become(id, "copy", {input});
  }

  // What is left unread must not be asked for, let alone be packed.
  void drop_inputs() {
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (graph_[id].kind->role == Role::kInput && !live(id)) graph_[id].kind = &registry_.at("zeros");
    }
  }

  Graph& graph_;
  const ChunkOptions& options_;
  const Registry& registry_;
  Diagnostics& diagnostics_;
  GraphBuilder build_;
  AxisId t_ = 0;
  Space derived_;  // the axes that follow from t
  NodeId count_ = 0;
  std::vector<bool> live_, after_;
  std::map<NodeId, Tapped> tapped_;
  std::set<std::string> sums_;
};

}  // namespace

Graph chunk(Graph graph, const ChunkOptions& options, const Registry& registry, Diagnostics& diagnostics) {
  Chunking(graph, options, registry, diagnostics).run();
  return graph;
}

}  // namespace tapeloop
