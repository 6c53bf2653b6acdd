// The starts of values, as finish() finds them: whose, along which axis of the graph, on which side.
#include "compiler/passes/expander.h"

namespace tapeloop::expanding {

// Where it is not known whose start a start is: it may belong to any value that is read with a tap, and give it an axis.
void Expander::make_tapped_wrong() {
  for (const PendingNode& node : pending_) {
    for (const Read& read : node.reads) {
      if (!read.taps.empty() && read.node != kNone) make_wrong(read.node);
    }
  }
}

// Of several starts of one value along one axis that of the outermost container counts; it comes last.
void Expander::finish_states() {
  for (const PendingState& state : states_) {
    const NodeId node = resolve(state.symbol, state.source);
    const SlotId slot = resolved(state.axis).slot;
    if (node == kNone) make_tapped_wrong();
    if (node != kNone && (slot == kNone || state.init.bad() || is_wrong(state.axis))) make_wrong(node);
    if (node == kNone || !graph_[node].kind) continue;
    const AxisId axis = slots_[static_cast<std::size_t>(slot)].id;
    StateRef found{node, axis, operand(state.init), state.source, state.side};
    if (resolved(state.axis).sign < 0 && state.side != StateRef::Side::kBoth) {  // read backwards
      found.side = state.side == StateRef::Side::kBefore ? StateRef::Side::kAfter : StateRef::Side::kBefore;
    }
    if (!replaces(found, state.in)) continue;
    graph_.states.push_back(std::move(found));
    state_owners_.push_back(state.in);
  }
}

// Takes what the start replaces out of the list; false if it is given twice.
bool Expander::replaces(const StateRef& found, const Instance* in) {
  constexpr auto kBoth = StateRef::Side::kBoth;
  for (std::size_t k = 0; k < graph_.states.size(); ++k) {
    StateRef& other = graph_.states[k];
    if (other.node != found.node || other.axis != found.axis) continue;
    if (other.side != found.side && other.side != kBoth && found.side != kBoth) continue;
    if (state_owners_[k] == in) {
      diagnostics_.error("E0411", found.source,
                         "the start of '" + graph_[found.node].name + "' along " + graph_.axes[static_cast<std::size_t>(found.axis)].name +
                             " is given twice",
                         other.source.known() ? "first in " + other.source.text(false) : "");
      return false;
    }
    if (other.side == kBoth && found.side != kBoth) {  // the other side stays
      other.side = found.side == StateRef::Side::kBefore ? StateRef::Side::kAfter : StateRef::Side::kBefore;
      continue;
    }
    graph_.states.erase(graph_.states.begin() + static_cast<std::ptrdiff_t>(k));
    state_owners_.erase(state_owners_.begin() + static_cast<std::ptrdiff_t>(k--));
  }
  return true;
}

}  // namespace tapeloop::expanding
