#include "compiler/passes/explicit_reads.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "compiler/passes/node_text.h"

namespace tapeloop {
namespace {

class ExplicitReads {
 public:
  ExplicitReads(Graph& graph, const Registry& registry) : graph_(graph), registry_(registry) {}

  void run() {
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (is_tap(id)) moves_.emplace(key(graph_[id].operands[0], graph_[id].moves), id);
    }
    for (const StateRef& state : graph_.states) {
      if (state.side != StateRef::Side::kAfter) before_[{state.node, state.axis}] = state.init;
      if (state.side != StateRef::Side::kBefore) after_[{state.node, state.axis}] = state.init;
    }
    for (NodeId id = 0; id < graph_.size(); ++id) {  // those added on the way too
      if (is_move(id)) attach(id);
    }
    graph_.states.clear();
  }

 private:
  using Key = std::pair<NodeId, std::vector<std::int32_t>>;

  bool is_move(NodeId id) const { return graph_[id].kind && graph_[id].kind->role == Role::kMove && graph_[id].operands[0] != kNone; }

  // A read of a value with taps, which readers share; a named copy of one, or the end of a run, is a value of its own.
  bool is_tap(NodeId id) const {
    const auto here = [](const Move& move) { return move.from == Move::From::kHere; };
    return is_move(id) && graph_[id].is_part && std::all_of(graph_[id].moves.begin(), graph_[id].moves.end(), here);
  }

  static Key key(NodeId value, const std::vector<Move>& moves) {
    Key key{value, {}};
    for (const Move& move : moves) key.second.insert(key.second.end(), {move.axis, static_cast<std::int32_t>(move.from), move.offset});
    return key;
  }

  // Axes that a read may fall off: those it moves, and those within them, whose runs differ from position to position.
  Space may_leave(const Node& move) const {
    Space moved;
    for (const Move& one : move.moves) moved = moved.with(one.axis);
    Space found;
    for (const AxisId axis : graph_[move.operands[0]].space.axes()) {
      if (moved.has(axis) || (graph_.within(axis) & moved) != Space::batch()) found = found.with(axis);
    }
    return found;
  }

  // On which side. A run within the moved axis that is shorter than the reader's is left at its end.
  static bool leaves_at_start(const Node& node, AxisId axis) {
    return std::any_of(node.moves.begin(), node.moves.end(), [&](const Move& move) { return move.axis == axis && move.offset < 0; });
  }

  void attach(NodeId id) {
    const NodeId value = graph_[id].operands[0];
    for (const AxisId axis : may_leave(graph_[id]).axes()) {
      const auto& starts = leaves_at_start(graph_[id], axis) ? before_ : after_;
      const auto start = starts.find({value, axis});
      if (start == starts.end() || !graph_[start->second].kind) continue;
      const NodeId operand = read_start(start->second, graph_[id].moves, axis);
      graph_[id].outsides.push_back({axis, static_cast<std::int32_t>(graph_[id].operands.size()), 0});
      graph_[id].operands.push_back(operand);
    }
  }

  // The start value where the move goes along its other axes as well. A start that is a tap itself (b_end_tm1) is moved as one.
  NodeId read_start(NodeId start, const std::vector<Move>& moves, AxisId axis) {
    NodeId value = start;
    std::vector<Move> all;
    if (is_tap(start)) {
      value = graph_[start].operands[0];
      all = graph_[start].moves;
    }
    bool moved = false;
    for (const Move& move : moves) {
      if (move.axis == axis || !graph_[start].space.has(move.axis)) continue;
      moved = true;
      add(all, move);
    }
    if (!moved) return start;
    std::erase_if(all, [](const Move& move) { return move.from == Move::From::kHere && move.offset == 0; });
    if (all.empty()) return value;
    std::sort(all.begin(), all.end(), [](const Move& a, const Move& b) { return a.axis < b.axis; });
    const auto [at, is_new] = moves_.emplace(key(value, all), graph_.size());
    return is_new ? make_move(value, std::move(all), start) : at->second;
  }

  static void add(std::vector<Move>& moves, const Move& move) {
    for (Move& other : moves) {
      if (other.axis != move.axis) continue;
      other.offset += move.offset;
      if (move.from != Move::From::kHere) other.from = move.from;
      return;
    }
    moves.push_back(move);
  }

  NodeId make_move(NodeId value, std::vector<Move> moves, NodeId start) {
    Node node;
    node.kind = &registry_.at("move");
    node.operands = {value};
    node.space = graph_[value].space;
    for (const Move& move : moves) {
      node.space = move.from == Move::From::kHere ? node.space.with(move.axis) : node.space.without(move.axis);
    }
    node.moves = std::move(moves);
    node.source = graph_[start].source;
    node.is_part = true;
    node.text = node_text(graph_, node);
    node.name = node.text;
    return graph_.add(std::move(node));
  }

  Graph& graph_;
  const Registry& registry_;
  std::map<Key, NodeId> moves_;                                 // that anyone may read
  std::map<std::pair<NodeId, AxisId>, NodeId> before_, after_;  // start values
};

}  // namespace

Graph explicit_reads(Graph graph, const Registry& registry) {
  ExplicitReads(graph, registry).run();
  return graph;
}

}  // namespace tapeloop
