// The end of expand: names become node ids, slots become axes, taps become `move` nodes.
#include <algorithm>

#include "compiler/passes/expander.h"
#include "compiler/passes/node_text.h"

namespace tapeloop::expanding {

Graph Expander::run(const Container& container) {
  instances_.emplace_back();
  Instance& root = instances_.back();
  root.container = &container;
  add_options(root, overrides(container));
  expand_instance(root);
  return finish(root);
}

Graph Expander::finish(Instance& root) {
  check_shared_names();
  resolve_reads();
  if (!count_axes()) {
    wrong_node();
    graph_.nodes.clear();
    return std::move(graph_);
  }
  bind_axes();
  number_axes();
  finish_nodes();
  finish_states();
  finish_axes();
  finish_outputs(root);
  finish_names();
  check_input_axes();
  check_shared_shapes();
  if (!diagnostics_.has_errors()) warn_unused(root);
  for (Node& node : graph_.nodes) {
    if (node.kind && node.text.empty()) node.text = node_text(graph_, node);
  }
  return std::move(graph_);
}

// A node without kind: what reads it is wrong as well, and that is reported.
NodeId Expander::wrong_node() {
  if (wrong_ == kNone) {
    wrong_ = graph_.add({});
    pending_.emplace_back();
  }
  return wrong_;
}

void Expander::make_wrong(NodeId id) {
  graph_[id].kind = nullptr;
  graph_[id].operands.clear();
}

bool Expander::mentions_wrong_axis(const PendingNode& node) const {
  const auto tapped = [&](const std::vector<Tap>& taps) {
    return std::any_of(taps.begin(), taps.end(), [&](const Tap& tap) { return is_wrong(tap.axis); });
  };
  return is_wrong(node.axis) || tapped(node.moves) ||
         std::any_of(node.extra.begin(), node.extra.end(), [&](AxisUse use) { return is_wrong(use); }) ||
         std::any_of(node.reads.begin(), node.reads.end(), [&](const Read& read) { return tapped(read.taps); });
}

// The node that a name stands for; kNone: there is none, or it is wrong.
NodeId Expander::resolve(SymbolId id, const Source& source) {
  for (std::size_t steps = 0; steps <= symbols_.size(); ++steps) {
    if (symbol(id).alias == kNone) return symbol(id).node;
    id = symbol(id).alias;
  }
  diagnostics_.error("E0308", symbol(id).source.known() ? symbol(id).source : source,
                     "'" + symbol(id).name + "' is only another name for itself", "one of these names needs an equation, or a tap");
  return kNone;
}

// Reports a name that nothing defines, unless what would define it is wrong itself.
void Expander::check_known(const Read& read, const Instance* in) {
  SymbolId id = read.symbol;
  Source source = read.source;  // or where the second name is given that leads nowhere
  for (std::size_t steps = 0; symbol(id).alias != kNone && steps <= symbols_.size(); ++steps) {
    source = symbol(id).source;
    id = symbol(id).alias;
  }
  const std::string& name = symbol(id).name;
  if (symbol(id).defined || !in) return;
  for (std::size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
    const auto outer = symbol_ids_.find(name.substr(0, dot));
    if (outer != symbol_ids_.end() && symbol(outer->second).defined && resolve(outer->second, read.source) == kNone) return;
  }
  for (const Instance& one : instances_) {
    if (one.incomplete && name.starts_with(one.prefix)) return;
  }
  std::vector<std::string> names;
  for (const Symbol& other : symbols_) {
    if (diagnostics_.errors() >= kMostSuggestions) break;
    if (other.defined && other.name.starts_with(in->prefix)) names.push_back(other.name.substr(in->prefix.size()));
  }
  const std::string local = name.starts_with(in->prefix) ? name.substr(in->prefix.size()) : name;
  const bool is_option = in->settings.contains(local);
  const bool half_tap = (local.ends_with("_tm") || local.ends_with("_tp")) &&
                        std::find(names.begin(), names.end(), local.substr(0, local.size() - 3)) != names.end();
  const std::string meant = half_tap ? "; did you mean '" + local + "1'?" : did_you_mean(local, names);
  diagnostics_.error("E0301", source, is_option ? "'" + local + "' is an option: it has no past" : "unknown name '" + local + "'" + meant,
                     is_option ? "" : "a name is an input, a parameter, a node or an option of this container");
}

void Expander::resolve_reads() {
  const auto settle = [&](Read& read, const Instance* in) {
    if (read.node != kNone || read.symbol == kNone) return;
    read.node = resolve(read.symbol, read.source);
    if (read.node == kNone) {
      check_known(read, in);
      read.symbol = kNone;
    }
  };
  for (PendingNode& node : pending_) {
    for (Read& read : node.reads) settle(read, node.in);
  }
  for (PendingState& state : states_) {
    settle(state.init, state.in);
    if (resolve(state.symbol, state.source) == kNone) check_known({state.symbol, kNone, {}, state.source}, state.in);
  }
  for (auto& [read, in] : other_modes_) settle(read, in);
  for (Slot& slot : slots_) {
    for (Read& feed : slot.feeds) settle(feed, slot.user);
    if (slot.has_length) settle(slot.length, &instances_.front());
    if (slot.most > 0) settle(slot.until, &instances_.front());
  }
}

// Taps as moves along the axes of the graph; along an axis that is read backwards, they turn round.
std::vector<Move> Expander::moves_of(const std::vector<Tap>& taps) const {
  std::vector<Move> moves;
  for (const Tap& tap : taps) {
    const AxisUse use = resolved(tap.axis);
    if (use.slot == kNone) continue;
    Move move{slots_[static_cast<std::size_t>(use.slot)].id, tap.from, tap.offset};
    if (use.sign < 0) {
      const bool here = tap.from == Move::From::kHere;
      move.offset = here ? -tap.offset : -1 - tap.offset;
      if (!here) move.from = tap.from == Move::From::kEnd ? Move::From::kStart : Move::From::kEnd;
    }
    const auto same = std::find_if(moves.begin(), moves.end(), [&](const Move& other) { return other.axis == move.axis; });
    if (same == moves.end()) {
      moves.push_back(move);
    } else if (move.from == Move::From::kHere || same->from == Move::From::kHere) {  // the end of what is read with a tap
      same->offset += move.offset;
      if (move.from != Move::From::kHere) same->from = move.from;
    } else {
      *same = move;
    }
  }
  std::erase_if(moves, [](const Move& move) { return move.from == Move::From::kHere && move.offset == 0; });
  std::sort(moves.begin(), moves.end(), [](const Move& a, const Move& b) { return a.axis < b.axis; });
  return moves;
}

// The node that a read is an operand of: the value, or the move of it that all its readers share.
NodeId Expander::operand(const Read& read) {
  if (read.bad() || read.node == kNone) return wrong_node();
  std::vector<Move> moves = moves_of(read.taps);
  if (moves.empty()) return read.node;
  std::vector<std::int32_t> key;
  for (const Move& move : moves) key.insert(key.end(), {move.axis, move.offset});
  const auto [at, is_new] = moves_.emplace(std::pair(read.node, std::move(key)), graph_.size());
  if (!is_new) return at->second;
  Node node;
  node.kind = &registry_.at("move");
  node.operands = {read.node};
  node.moves = std::move(moves);
  node.source = read.source;
  node.is_part = true;
  node.name = node_text(graph_, node);
  pending_.emplace_back();
  return graph_.add(std::move(node));
}

void Expander::finish_nodes() {
  const NodeId count = graph_.size();
  for (NodeId id = 0; id < count; ++id) {
    const PendingNode from = pending(id);  // a copy: operand() adds nodes
    if (mentions_wrong_axis(from)) make_wrong(id);
    const auto axis_id = [&](AxisUse use) {
      const SlotId slot = resolved(use).slot;
      return slot == kNone ? kNone : slots_[static_cast<std::size_t>(slot)].id;
    };
    if (!graph_[id].kind) continue;
    if (from.axis.slot != kNone) {
      graph_[id].axis = axis_id(from.axis);
      if (graph_[id].kind->role == Role::kIndex && resolved(from.axis).sign < 0) graph_[id].attributes = {{"reversed", 1.0}};
      if (graph_[id].axis == kNone) graph_[id].kind = nullptr;
    }
    for (const AxisUse& use : from.extra) {
      const AxisId extra = axis_id(use);
      if (extra != kNone) graph_[id].extra_axes.push_back(extra);
    }
    if (!graph_[id].kind) continue;
    for (const PendingRemap::Step& step : from.remap.steps) {
      if (axis_id(step.axis) == kNone) make_wrong(id);
    }
    if (!graph_[id].kind) continue;
    if (graph_[id].kind->role == Role::kRemap) graph_[id].remap = remap_of(from);
    if (graph_[id].kind->role == Role::kMove) {
      std::vector<Tap> taps = from.reads[0].taps;
      taps.insert(taps.end(), from.moves.begin(), from.moves.end());
      graph_[id].moves = moves_of(taps);
      graph_[id].operands = {from.reads[0].node == kNone ? wrong_node() : from.reads[0].node};
      continue;
    }
    std::vector<NodeId> operands;
    for (const Read& read : from.reads) operands.push_back(operand(read));
    graph_[id].operands = std::move(operands);
  }
}

void Expander::finish_axes() {
  for (const Slot& slot : slots_) {
    if (slot.id == kNone || slot.is_bound) continue;
    Axis& axis = graph_.axes[static_cast<std::size_t>(slot.id)];
    if (slot.has_length) axis.length = operand(slot.length);
    if (slot.most > 0) axis.until = operand(slot.until);
    axis.most = slot.most;
    axis.beam = slot.beam;
    axis.length_penalty = slot.length_penalty;
  }
  finish_derived_axes();
}

void Expander::finish_outputs(Instance& root) {
  const Scope scope{&root, {}, nullptr, nullptr};
  const auto find = [&](const std::string& name, const Source& source) {
    const Read read = read_symbol(name, source);
    const NodeId node = resolve(read.symbol, source);
    if (node == kNone) check_known(read, &root);
    return node == kNone ? wrong_node() : node;
  };
  for (const OutputDecl& output : root.container->outputs) {
    const auto name = fill(output.name, scope, output.source);
    if (!name) continue;
    const bool twice =
        std::any_of(graph_.outputs.begin(), graph_.outputs.end(), [&](const OutputRef& other) { return other.name == *name; });
    if (twice) diagnostics_.error("E0306", output.source, "output '" + *name + "' is given twice");
    if (!twice) graph_.outputs.push_back({*name, find(*name, output.source)});
  }
  for (const LossDecl& loss : root.container->losses) {
    LossTerm term{kNone, kNone, 1, loss.sum, loss.source, loss.weights_source};
    const auto name = fill(loss.name, scope, loss.source);
    const auto weights = fill(loss.weights, scope, loss.weights_source);
    const auto times = loss.times ? number(*loss.times, scope) : std::optional(1.0);
    if (!name || !weights || !times) continue;
    term.value = find(*name, loss.source);
    if (!weights->empty()) term.weights = find(*weights, loss.weights_source);
    term.times = *times;
    graph_.losses.push_back(std::move(term));
  }
}

void Expander::finish_names() {
  for (SymbolId id = 0; id < static_cast<SymbolId>(symbols_.size()); ++id) {
    if (!symbol(id).defined) continue;
    const NodeId node = resolve(id, symbol(id).source);
    if (node != kNone) graph_.names[symbol(id).name] = node;
  }
}

// An input's array is nested in one way: outermost axis first, with all that its axes lie within.
void Expander::check_input_axes() {
  for (NodeId id = 0; id < static_cast<NodeId>(pending_.size()); ++id) {
    const Node& node = graph_[id];
    if (!pending(id).keep_order || !node.kind) continue;
    Space space;
    for (const AxisId axis : node.extra_axes) space = space.with(axis);
    space = graph_.closure(space);
    if (space.axes() == node.extra_axes) continue;
    std::string found;
    for (const AxisId axis : node.extra_axes) found += (found.empty() ? "" : ", ") + graph_.axes[static_cast<std::size_t>(axis)].name;
    diagnostics_.error("E0408", node.source, "input '" + node.name + "' has axes [" + found + "]: expected " + graph_.text(space),
                       "outermost first, in the order of axes:, with those that they lie within");
  }
}

// weights=OTHER where the other has no such parameter. Such names count as wrong from here on.
void Expander::check_shared_names() {
  for (const SharedShape& shared : shared_shapes_) {
    SymbolId id = shared.symbol;
    for (std::size_t steps = 0; symbol(id).alias != kNone && steps <= symbols_.size(); ++steps) id = symbol(id).alias;
    if (symbol(id).defined) continue;
    diagnostics_.error("E0313", shared.source, "weights=: there is no parameter '" + symbol(id).name + "' to share",
                       "name another instance of the same container");
    symbol(id).defined = true;
  }
}

void Expander::check_shared_shapes() {
  std::vector<NodeId> wrong;
  for (const SharedShape& shared : shared_shapes_) {
    const NodeId id = resolve(shared.symbol, shared.source);
    if (id == kNone) continue;
    const Node& node = graph_[id];
    bool fits = node.kind && node.kind->role == Role::kParameter && node.shape.size() == shared.shape.size();
    const std::string before = graph_.sizes.text(shared.shape);
    for (std::size_t k = 0; fits && k < node.shape.size(); ++k) fits = graph_.sizes.unify(node.shape[k], shared.shape[k]);
    if (fits || !node.kind) continue;
    diagnostics_.error("E0504", shared.source,
                       "parameter '" + node.name + "' is shared with shape " + before + "; it has " + graph_.sizes.text(node.shape) +
                           (node.source.known() ? " since " + node.source.text(false) : ""));
    wrong.push_back(id);
  }
  for (const NodeId id : wrong) make_wrong(id);
}

// Nodes, inputs and parameters of the outermost container that no output, loss or length depends on.
void Expander::warn_unused(const Instance& root) {
  std::vector<char> used(graph_.nodes.size());
  std::vector<NodeId> work;
  const auto reach = [&](NodeId id) {
    if (id == kNone || used[static_cast<std::size_t>(id)]) return;
    used[static_cast<std::size_t>(id)] = 1;
    work.push_back(id);
  };
  const auto reach_name = [&](const std::string& name) {
    const auto at = symbol_ids_.find(name);
    if (at != symbol_ids_.end()) reach(resolve(at->second, {}));
  };
  for (const OutputDecl& output : root.container->outputs) {
    const auto name = fill(output.name, {&instances_.front(), {}, nullptr, nullptr}, output.source);
    if (name) reach_name(*name);
  }
  for (const LossTerm& term : graph_.losses) {
    reach(term.value);
    reach(term.weights);
  }
  for (const Slot& slot : slots_) {
    if (slot.has_length) reach(slot.length.node);
    if (slot.most > 0) reach(slot.until.node);
  }
  for (const auto& [read, in] : other_modes_) reach(read.node);
  std::unordered_map<NodeId, std::vector<NodeId>> starts;
  for (const PendingState& state : states_) starts[resolve(state.symbol, state.source)].push_back(state.init.node);
  while (!work.empty()) {
    const NodeId id = work.back();
    work.pop_back();
    for (const Read& read : pending(id).reads) reach(read.node);
    const auto init = starts.find(id);
    if (init == starts.end()) continue;
    for (const NodeId start : init->second) reach(start);
  }
  for (const Symbol& one : symbols_) {
    if (one.node == kNone || used[static_cast<std::size_t>(one.node)] || one.name.find('.') != std::string::npos) continue;
    const Role role = graph_[one.node].kind->role;
    const char* what = role == Role::kInput ? "input" : role == Role::kParameter ? "parameter" : "node";
    diagnostics_.warning("W0301", one.source, std::string(what) + " '" + one.name + "' is not used: no output and no loss depends on it",
                         "add it to outputs:, or remove it");
  }
}

}  // namespace tapeloop::expanding

namespace tapeloop {

Graph expand(const Container& container, const ExpandOptions& options, const Registry& registry, Diagnostics& diagnostics) {
  try {
    return expanding::Expander(options, registry, diagnostics).run(container);
  } catch (const expanding::TooLarge&) {
    return {};  // it was reported
  }
}

}  // namespace tapeloop
