#include "compiler/passes/infer_axes.h"

#include <algorithm>
#include <vector>

#include "core/kind.h"

namespace tapeloop {
namespace {

class AxesInference {
 public:
  AxesInference(Graph& graph, Diagnostics& diagnostics) : graph_(graph), diagnostics_(diagnostics) {}

  void run() {
    const auto count = static_cast<std::size_t>(graph_.size());
    readers_.assign(count, {});
    starts_.assign(count, {});
    for (NodeId id = 0; id < graph_.size(); ++id) {
      for (const NodeId operand : graph_[id].operands) {
        if (operand != kNone) readers_[at(operand)].push_back(id);
      }
    }
    for (std::size_t k = 0; k < graph_.states.size(); ++k) {
      starts_[at(graph_.states[k].node)].push_back(k);
      readers_[at(graph_.states[k].init)].push_back(graph_.states[k].node);
    }
    settle();
    find_wrong();
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!wrong_[at(id)]) check(id);
    }
    check_states();
    check_lengths();
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!wrong_[at(id)]) continue;
      graph_[id].kind = nullptr;
      graph_[id].operands.clear();
    }
  }

 private:
  static std::size_t at(NodeId id) { return static_cast<std::size_t>(id); }
  const std::string& axis_name(AxisId axis) const { return graph_.axes[at(axis)].name; }

  // Node by node until nothing changes: spaces only grow. A draw for whole sequences lacks the innermost axis of what it is
  // like, so it waits until that is known.
  void settle() {
    std::vector<NodeId> work;
    for (NodeId id = graph_.size() - 1; id >= 0; --id) work.push_back(id);
    grow(work);
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!is_draw_of_sequences(graph_[id])) continue;
      graph_[id].space = without_innermost(graph_[graph_[id].operands[0]].space);
      work = readers_[at(id)];
      grow(work);
    }
  }

  void grow(std::vector<NodeId>& work) {
    while (!work.empty()) {
      const NodeId id = work.back();
      work.pop_back();
      if (!graph_[id].kind) continue;
      const Space found = graph_.closure(space_of(id)) | graph_[id].space;
      if (found == graph_[id].space) continue;
      graph_[id].space = found;
      work.insert(work.end(), readers_[at(id)].rbegin(), readers_[at(id)].rend());
    }
  }

  static bool is_draw_of_sequences(const Node& node) {
    return node.kind && node.kind->role == Role::kDraw && word_of(node.attributes, "per", "step") == "sequence" && !node.operands.empty();
  }

  Space without_innermost(Space space) const {
    const std::vector<AxisId> axes = space.axes();
    return axes.empty() ? space : space.without(axes.back());
  }

  Space space_of(NodeId id) const {
    const Node& node = graph_[id];
    Space space;
    if (is_draw_of_sequences(node)) return Space::batch();
    for (const NodeId operand : node.operands) {
      if (operand != kNone) space = space | graph_[operand].space;
    }
    for (const AxisId axis : node.extra_axes) space = space.with(axis);
    for (const std::size_t state : starts_[at(id)]) {
      const StateRef& start = graph_.states[state];
      space = space | graph_[start.init].space.without(start.axis);
    }
    switch (node.kind->role) {
      case Role::kInput:
      case Role::kDraw:
        return space | Space::batch();
      case Role::kIndex:
        return space.with(node.axis);
      case Role::kLength:
        return space | graph_.within(node.axis);
      case Role::kSumTo:
      case Role::kExtremeAlong:
        return node.axis == kNone ? space : space.without(node.axis);
      case Role::kMove:
        return moved(node, space);
      case Role::kRemap:
        return remapped(node.remap, space);
      default:
        return space;
    }
  }

  static Space moved(const Node& node, Space space) {
    for (const Move& move : node.moves) {
      space = move.from == Move::From::kHere ? space.with(move.axis) : (space | Space::batch()).without(move.axis);
    }
    return space;
  }

  static Space remapped(const Remap& remap, Space space) {
    Space result = (space | Space::batch()).without(remap.from);
    for (const Remap::Step& step : remap.steps) result = result.with(step.axis);
    return result;
  }

  // What depends on something wrong is not judged, here and in later passes.
  void find_wrong() {
    wrong_.assign(static_cast<std::size_t>(graph_.size()), 0);
    std::vector<NodeId> work;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!graph_[id].kind) work.push_back(id);
    }
    while (!work.empty()) {
      const NodeId id = work.back();
      work.pop_back();
      if (wrong_[at(id)]) continue;
      wrong_[at(id)] = 1;
      work.insert(work.end(), readers_[at(id)].begin(), readers_[at(id)].end());
    }
  }

  void check(NodeId id) {
    const Node& node = graph_[id];
    const Role role = node.kind->role;
    if (role == Role::kMove) {
      for (const Move& move : node.moves) check_varies(node, node.operands[0], move.axis, move.from != Move::From::kHere);
    }
    if ((role == Role::kSumTo || role == Role::kExtremeAlong) && node.axis != kNone) check_varies(node, node.operands[0], node.axis, true);
    if (role == Role::kRemap) check_varies(node, node.operands[0], node.remap.from, !node.remap.steps_along(node.remap.from));
    if (node.operands.size() > 1 && role != Role::kMove) check_join(id);
  }

  // What follows from the axis has one of its own, which only axes: can name.
  std::string help_for(const Node& value, AxisId axis, bool removed) const {
    for (const AxisId own : value.space.axes()) {
      if (!derived_from(graph_, axis).has(own)) continue;
      return axis_name(own) + " follows from " + axis_name(axis) + ": give it a name in axes:, by its rule, and go along that";
    }
    return removed ? "there is nothing to take along that axis" : "a tap goes along an axis of the value";
  }

  void check_varies(const Node& reader, NodeId operand, AxisId axis, bool removed) {
    const Node& value = graph_[operand];
    if (!value.space.has(axis)) {
      const std::string on = value.space == Space::parameters() ? "depends on parameters and constants alone"
                             : value.space.axes().empty()       ? "varies along no axis"
                                                                : "varies along " + graph_.text(value.space);
      diagnostics_.error("E0402", reader.source, "'" + shown(value) + "' does not vary along " + axis_name(axis) + ": it " + on,
                         help_for(value, axis, removed));
    } else if (removed && reader.space.has(axis)) {
      std::string inner;
      for (const AxisId other : reader.space.axes()) {
        if (inner.empty() && graph_.within(other).has(axis)) inner = axis_name(other);
      }
      diagnostics_.error(
          "E0404", reader.source,
          inner.empty() ? "'" + shown(value) + "' still varies along " + axis_name(axis) + " after this"
                        : "'" + shown(value) + "' varies along " + inner + ", within " + axis_name(axis) + ": reduce the axis within first",
          inner.empty() ? "" : "for example last(" + shown(value) + ", along=" + inner + ")");
    }
  }

  static const std::string& shown(const Node& node) { return node.is_part && !node.text.empty() ? node.text : node.name; }

  // Two operands of which each has an axis that the other lacks: a value for every pair of positions. Only where the node says
  // axes:, or a reduction along one of the two takes it away again at once.
  void check_join(NodeId id) {
    const Node& node = graph_[id];
    for (std::size_t k = 1; k < node.operands.size(); ++k) {
      for (std::size_t j = 0; j < k; ++j) {
        const Node& a = graph_[node.operands[j]];
        const Node& b = graph_[node.operands[k]];
        if (a.space.contains(b.space) || b.space.contains(a.space)) continue;
        const AxisId mine = first_beyond(a.space, b.space);
        const AxisId yours = first_beyond(b.space, a.space);
        if (mine == kNone || yours == kNone || is_meant(id, mine, yours)) continue;
        diagnostics_.error("E0405", node.source,
                           "'" + shown(a) + "' varies along " + axis_name(mine) + " and '" + shown(b) + "' along " + axis_name(yours) +
                               ": this would be a value for every pair of positions",
                           "if that is meant, use the long form and say axes: " + graph_.text(node.space));
        return;
      }
    }
  }

  static AxisId first_beyond(Space space, Space other) {
    for (const AxisId axis : space.axes()) {
      if (!other.has(axis)) return axis;
    }
    return kNone;
  }

  // Looks upwards from a part of an equation to the node it belongs to.
  bool is_meant(NodeId id, AxisId mine, AxisId yours) const {
    std::vector<NodeId> work = {id};
    std::vector<NodeId> seen = work;
    while (!work.empty()) {
      const Node& node = graph_[work.back()];
      const NodeId here = work.back();
      work.pop_back();
      const auto says = [&](AxisId axis) {
        return std::find(node.extra_axes.begin(), node.extra_axes.end(), axis) != node.extra_axes.end();
      };
      if (says(mine) && says(yours)) return true;
      if (node.kind && (node.kind->role == Role::kSumTo || node.kind->role == Role::kExtremeAlong) &&
          (node.axis == mine || node.axis == yours))
        return true;
      for (const Move& move : node.moves) {
        if (move.from != Move::From::kHere && (move.axis == mine || move.axis == yours)) return true;
      }
      if (!node.is_part) continue;
      for (const NodeId reader : readers_[at(here)]) {
        if (std::find(seen.begin(), seen.end(), reader) != seen.end()) continue;
        seen.push_back(reader);
        work.push_back(reader);
      }
    }
    return false;
  }

  void check_states() {
    for (const StateRef& state : graph_.states) {
      const Node& node = graph_[state.node];
      const Node& init = graph_[state.init];
      if (wrong_[at(state.node)] || wrong_[at(state.init)]) continue;
      const bool varies = init.space.has(state.axis);
      if (!varies && node.space.has(state.axis)) continue;
      diagnostics_.error("E0403", state.source,
                         varies ? "the start of '" + node.name + "' along " + axis_name(state.axis) + ": '" + shown(init) +
                                      "' must not vary along that axis itself"
                                : "'" + node.name + "' does not vary along " + axis_name(state.axis) + ", so it has no start there",
                         varies ? "for example last(VALUE, along=" + axis_name(state.axis) + ")" : "say along= for another axis");
    }
  }

  void check_lengths() {
    for (std::size_t k = 0; k < graph_.axes.size(); ++k) {
      const Axis& axis = graph_.axes[k];
      if (axis.decided() && !wrong_[at(axis.until)]) check_decision(static_cast<AxisId>(k));
      if (axis.length == kNone || wrong_[at(axis.length)]) continue;
      const Node& length = graph_[axis.length];
      const Space outer = graph_.within(static_cast<AxisId>(k));
      if (outer.contains(length.space)) continue;
      diagnostics_.error("E0412", axis.source,
                         "the length of axis " + axis.name + " may vary along " + graph_.text(outer) + " alone: '" + shown(length) +
                             "' varies along " + graph_.text(length.space),
                         outer.axes().empty() ? "declare the axis within: another, or give the length axes: []" : "");
    }
  }

  void check_decision(AxisId id) {
    const Axis& axis = graph_.axes[at(id)];
    const Node& done = graph_[axis.until];
    const Space own = graph_.within(id).with(id);
    if (done.space == own) return;
    const bool lacks = !done.space.has(id);
    diagnostics_.error("E0415", done.source,
                       "'" + shown(done) + "' decides how long " + axis.name + " is: it varies along " + graph_.text(done.space) +
                           ", expected " + graph_.text(own),
                       lacks ? "a decision is made at each position: let it depend on values along " + axis.name : "");
  }

  Graph& graph_;
  Diagnostics& diagnostics_;
  std::vector<std::vector<NodeId>> readers_;      // by node; a start value is read by what it starts
  std::vector<std::vector<std::size_t>> starts_;  // by node: its entries in graph.states
  std::vector<char> wrong_;
};

}  // namespace

Graph infer_axes(Graph graph, Diagnostics& diagnostics) {
  AxesInference(graph, diagnostics).run();
  return graph;
}

}  // namespace tapeloop
