// What the t of each inner container is: the innermost axis of what feeds it, which may depend on the t of others. Values and
// slots are ordered by who depends on whom, so that a stack of any height takes linear time;
// within a component the least fixed point is found, and its slots are bound one after the other in the order of their making.
#include <algorithm>

#include "compiler/passes/expander.h"
#include "compiler/passes/strong_components.h"

namespace tapeloop::expanding {
namespace {

using Bits = std::uint64_t;  // a set of axes

}  // namespace

// Sees the nodes as pending: reads are names, axes are slots.
class AxisBinder {
 public:
  AxisBinder(std::vector<Slot>& slots, Diagnostics& diagnostics) : slots_(slots), diagnostics_(diagnostics) {
    for (const Slot& slot : slots) next_ = std::max(next_, slot.id + 1);
  }

  struct Value {
    std::vector<NodeId> reads;
    std::vector<SlotId> along;                      // taps, extra axes: axes that the value has, if they are found
    SlotId reduced = kNone;                         // an axis that it has not ..
    std::vector<SlotId> added;                      // .. unless it is one of these
    std::vector<SlotId> lengths;                    // length(u) has what u lies within
    std::vector<std::pair<NodeId, SlotId>> starts;  // has what the start value has, but for the axis
  };
  struct Feed {
    std::vector<NodeId> reads;
    std::vector<SlotId> along;
  };
  std::vector<Value> values;
  std::vector<Feed> feeds;  // by SlotId

  void run() {
    const auto count = static_cast<std::int32_t>(values.size());
    spaces_.assign(values.size(), 0);
    std::vector<std::pair<std::int32_t, std::int32_t>> edges;  // values, then slots
    for (std::int32_t k = 0; k < count; ++k) list_dependencies(values[static_cast<std::size_t>(k)], k, edges);
    for (std::int32_t k = 0; k < static_cast<std::int32_t>(slots_.size()); ++k) {
      const SlotId within = slots_[static_cast<std::size_t>(k)].within;
      if (within != kNone) edges.emplace_back(count + within, count + k);
      for (const NodeId read : feeds[static_cast<std::size_t>(k)].reads) edges.emplace_back(read, count + k);
      for (const SlotId slot : feeds[static_cast<std::size_t>(k)].along) edges.emplace_back(count + slot, count + k);
      if (!slots_[static_cast<std::size_t>(k)].derivation) continue;
      const SlotDerivation& derivation = *slots_[static_cast<std::size_t>(k)].derivation;
      for (const AxisUse& from : derivation.from) edges.emplace_back(count + from.slot, count + k);
      if (derivation.within != kNone) edges.emplace_back(count + derivation.within, count + k);
    }
    readers_.assign(values.size(), {});
    mentioned_by_.assign(slots_.size(), {});
    inner_.assign(slots_.size(), {});
    component_of_.assign(values.size(), 0);
    for (const auto& [producer, reader] : edges) {
      if (reader < count) {
        (producer < count ? readers_[static_cast<std::size_t>(producer)] : mentioned_by_[static_cast<std::size_t>(producer - count)])
            .push_back(reader);
      } else if (producer >= count && slots_[static_cast<std::size_t>(reader - count)].within == producer - count) {
        inner_[static_cast<std::size_t>(producer - count)].push_back(reader - count);
      }
    }
    const auto vertices = count + static_cast<std::int32_t>(slots_.size());
    const std::vector<char> no_loops(static_cast<std::size_t>(vertices));
    for (const std::vector<std::int32_t>& component : strong_components(vertices, edges, no_loops)) solve(component, count);
  }

 private:
  void list_dependencies(const Value& value, std::int32_t reader, std::vector<std::pair<std::int32_t, std::int32_t>>& edges) const {
    const auto count = static_cast<std::int32_t>(values.size());
    for (const NodeId read : value.reads) edges.emplace_back(read, reader);
    for (const SlotId slot : value.along) edges.emplace_back(count + slot, reader);
    for (const SlotId slot : value.lengths) edges.emplace_back(count + slot, reader);
    for (const SlotId slot : value.added) edges.emplace_back(count + slot, reader);
    if (value.reduced != kNone) edges.emplace_back(count + value.reduced, reader);
    for (const auto& [init, slot] : value.starts) {
      edges.emplace_back(init, reader);
      edges.emplace_back(count + slot, reader);
    }
  }

  void solve(const std::vector<std::int32_t>& component, std::int32_t count) {
    std::vector<SlotId> unbound;
    std::vector<NodeId> work;
    for (const std::int32_t member : component) {
      if (member < count) work.push_back(member);
      if (member >= count && is_unbound(member - count)) unbound.push_back(member - count);
    }
    ++component_;
    for (const NodeId id : work) component_of_[static_cast<std::size_t>(id)] = component_;
    settle(work);
    while (true) {
      const auto next = std::find_if(unbound.begin(), unbound.end(), [&](SlotId slot) { return can_bind(slot); });
      if (next == unbound.end()) break;
      const SlotId bound = *next;
      unbound.erase(next);
      bind(bound);
      settle(values_on(bound));
    }
    if (diagnostics_.has_errors()) return;  // it may come from what is wrong
    for (const SlotId slot : unbound) {
      if (slots_[static_cast<std::size_t>(slot)].derivation) continue;  // what it is derived from is reported
      diagnostics_.error("E0406", slots_[static_cast<std::size_t>(slot)].feeds[0].source,
                         "nothing that feeds '" + instance_name(slot) + "' varies along an axis", "say which one it goes along: along=t");
    }
  }

  void settle(std::vector<NodeId> work) {
    std::reverse(work.begin(), work.end());
    while (!work.empty()) {
      const NodeId id = work.back();
      work.pop_back();
      const Bits found = axes_of(values[static_cast<std::size_t>(id)]);
      if (component_of_[static_cast<std::size_t>(id)] != component_ || found == spaces_[static_cast<std::size_t>(id)]) continue;
      spaces_[static_cast<std::size_t>(id)] = found;
      const std::vector<NodeId>& readers = readers_[static_cast<std::size_t>(id)];
      work.insert(work.end(), readers.begin(), readers.end());
    }
  }

  // The values that mention the axis, or one that lies within it.
  std::vector<NodeId> values_on(SlotId id) const {
    std::vector<NodeId> found = mentioned_by_[static_cast<std::size_t>(id)];
    for (const SlotId inner : inner_[static_cast<std::size_t>(id)]) {
      const std::vector<NodeId> more = values_on(inner);
      found.insert(found.end(), more.begin(), more.end());
    }
    return found;
  }

  bool is_unbound(SlotId id) const {
    const Slot& slot = slots_[static_cast<std::size_t>(id)];
    return slot.is_bound && slot.target.slot == kNone;
  }

  // The real axis that a slot stands for, with what it lies within; nothing while that is open.
  Bits closure(SlotId id) const {
    Bits bits = 0;
    for (std::size_t steps = 0; id != kNone && steps <= slots_.size(); ++steps) {
      const Slot& slot = slots_[static_cast<std::size_t>(id)];
      if (slot.is_bound && slot.target.slot == kNone) break;
      if (slot.is_bound) {
        id = slot.target.slot;
        continue;
      }
      bits |= Bits{1} << slot.id;
      id = slot.within;
    }
    return bits;
  }
  Bits itself(SlotId id) const {
    while (id != kNone && slots_[static_cast<std::size_t>(id)].is_bound) id = slots_[static_cast<std::size_t>(id)].target.slot;
    return id == kNone ? 0 : Bits{1} << slots_[static_cast<std::size_t>(id)].id;
  }

  Bits axes_of(const Value& value) const {
    if (value.reduced != kNone && itself(value.reduced) == 0) return 0;  // too early to say
    Bits bits = 0;
    for (const NodeId read : value.reads) bits |= spaces_[static_cast<std::size_t>(read)];
    for (const SlotId slot : value.along) bits |= closure(slot);
    for (const SlotId slot : value.lengths) bits |= closure(slot) & ~itself(slot);
    for (const auto& [init, slot] : value.starts) bits |= spaces_[static_cast<std::size_t>(init)] & ~itself(slot);
    if (value.reduced != kNone) bits &= ~itself(value.reduced);
    for (const SlotId slot : value.added) bits |= closure(slot);
    return bits;
  }

  Bits feed_axes(SlotId slot) const {
    Bits bits = 0;
    for (const NodeId read : feeds[static_cast<std::size_t>(slot)].reads) bits |= spaces_[static_cast<std::size_t>(read)];
    for (const SlotId along : feeds[static_cast<std::size_t>(slot)].along) bits |= closure(along);
    return bits;
  }

  bool can_bind(SlotId id) const {
    const Slot& slot = slots_[static_cast<std::size_t>(id)];
    if (!slot.derivation) return feed_axes(id) != 0;
    const std::vector<AxisUse>& from = slot.derivation->from;
    return std::all_of(from.begin(), from.end(), [&](const AxisUse& use) { return itself(use.slot) != 0; }) &&
           (slot.derivation->within == kNone || itself(slot.derivation->within) != 0);
  }

  AxisUse real(AxisUse use) const {
    while (use.slot != kNone && slots_[static_cast<std::size_t>(use.slot)].is_bound) {
      const AxisUse& target = slots_[static_cast<std::size_t>(use.slot)].target;
      use = {target.slot, use.sign * target.sign};
    }
    return use;
  }

  bool derived_alike(const SlotDerivation& a, const SlotDerivation& b) const {
    const auto same = [&](const AxisUse& one, const AxisUse& other) {
      return real(one).slot == real(other).slot && real(one).sign == real(other).sign;
    };
    return a.rule == b.rule && std::equal(a.from.begin(), a.from.end(), b.from.begin(), b.from.end(), same);
  }

  // What is derived alike is one axis.
  void derive(SlotId id) {
    Slot& slot = slots_[static_cast<std::size_t>(id)];
    const SlotDerivation& derivation = *slot.derivation;
    for (Slot& other : slots_) {
      if (&other == &slot || !other.derivation || other.target.slot == kNone || !derived_alike(*other.derivation, derivation)) continue;
      slot.target = other.target;
      if (slot.declared) slots_[static_cast<std::size_t>(slot.target.slot)].name = slot.name;
      return;
    }
    slot.target = {derivation.own, 1};
    Slot& own = slots_[static_cast<std::size_t>(derivation.own)];
    own.within = derivation.within != kNone ? derivation.within : slots_[static_cast<std::size_t>(real(derivation.from[0]).slot)].within;
    own.id = next_++;
    own.candidate = false;
    if (own.name.empty()) name_derived(own, derivation);
    for (const AxisUse& from : derivation.from) {
      const SlotId other = slots_[static_cast<std::size_t>(real(from).slot)].within;
      if (derivation.within != kNone || real({other, 1}).slot == real({own.within, 1}).slot) continue;
      diagnostics_.error("E0414", slot.source, "runs are joined that do not lie within the same axis");
      slot.wrong = true;
    }
    if (own.id < kMaxAxes) return;
    if (own.id == kMaxAxes) diagnostics_.error("E0410", slot.source, "a model of more than " + std::to_string(kMaxAxes) + " axes");
    own.id = kMaxAxes;
    slot.wrong = true;
  }

  void name_derived(Slot& own, const SlotDerivation& derivation) const {
    std::vector<std::string> names;
    for (const AxisUse& from : derivation.from) {
      const std::string& name = slots_[static_cast<std::size_t>(real(from).slot)].name;
      names.push_back(real(from).sign < 0 ? "-" + name : name);
    }
    own.name = derived_name(derivation.rule, names);
  }

  void bind(SlotId id) {
    if (slots_[static_cast<std::size_t>(id)].derivation) return derive(id);
    const Bits bits = feed_axes(id);
    SlotId innermost = kNone;
    std::string names;
    for (SlotId k = 0; k < static_cast<SlotId>(slots_.size()); ++k) {
      const Slot& slot = slots_[static_cast<std::size_t>(k)];
      if (slot.is_bound || slot.id == kNone || (bits >> slot.id & 1) == 0) continue;
      names += (names.empty() ? "" : ", ") + slot.name;
      if (innermost == kNone || (bits & ~closure(k)) == 0) innermost = k;
    }
    Slot& slot = slots_[static_cast<std::size_t>(id)];
    if ((bits & ~closure(innermost)) != 0) {
      diagnostics_.error("E0406", slot.feeds[0].source,
                         "what feeds '" + instance_name(id) + "' varies along " + names + ", none of which is within the other",
                         "say which one it goes along: along=t");
      slot.wrong = true;
    }
    slot.target = {innermost, 1};
    for (const auto& [name, use] : slot.user->axes) {
      if (real(use).slot != innermost || use.slot == id) continue;
      slot.target.sign = real(use).sign;
      break;
    }
  }

  std::string instance_name(SlotId id) const {
    const std::string& name = slots_[static_cast<std::size_t>(id)].name;
    return name.substr(0, name.rfind('.'));
  }

  std::vector<Slot>& slots_;
  Diagnostics& diagnostics_;
  AxisId next_ = 0;           // number of the next derived axis
  std::vector<Bits> spaces_;  // by NodeId
  std::vector<std::vector<NodeId>> readers_;
  std::vector<std::vector<NodeId>> mentioned_by_;  // by SlotId: values with taps along it, reductions ..
  std::vector<std::vector<SlotId>> inner_;         // by SlotId: those within it
  std::vector<int> component_of_;                  // by NodeId: the component that is being solved, or an earlier one
  int component_ = 0;
};

AxisUse Expander::resolved(AxisUse use) const {
  while (use.slot != kNone && slots_[static_cast<std::size_t>(use.slot)].is_bound) {
    const AxisUse& target = slots_[static_cast<std::size_t>(use.slot)].target;
    use = {target.slot, use.sign * target.sign};
  }
  return use;
}

bool Expander::is_wrong(AxisUse use) const {
  for (SlotId slot = use.slot; slot != kNone;) {
    const Slot& at = slots_[static_cast<std::size_t>(slot)];
    if (at.wrong) return true;
    slot = at.is_bound ? at.target.slot : at.within;
  }
  return false;
}

void Expander::bind_axes() {
  if (std::none_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.is_bound; })) return;
  AxisBinder binder(slots_, diagnostics_);
  const auto add_reads = [&](const std::vector<Read>& reads, std::vector<NodeId>& nodes, std::vector<SlotId>& along) {
    for (const Read& read : reads) {
      if (!read.bad()) nodes.push_back(read.node);
      for (const Tap& tap : read.taps) along.push_back(tap.axis.slot);
    }
  };
  for (NodeId id = 0; id < graph_.size(); ++id) {
    AxisBinder::Value& value = binder.values.emplace_back();
    const PendingNode& from = pending(id);
    const Role role = graph_[id].kind ? graph_[id].kind->role : Role::kConstant;
    add_reads(from.reads, value.reads, value.along);
    for (const AxisUse& use : from.extra) value.along.push_back(use.slot);
    for (const Tap& move : from.moves) value.reduced = move.axis.slot;
    if (role == Role::kIndex) value.along.push_back(from.axis.slot);
    if (role == Role::kLength) value.lengths.push_back(from.axis.slot);
    if (role == Role::kSumTo || role == Role::kExtremeAlong || role == Role::kRemap) value.reduced = from.axis.slot;
    for (const PendingRemap::Step& step : from.remap.steps) value.added.push_back(step.axis.slot);
  }
  for (const PendingState& state : states_) {
    const NodeId node = resolve(state.symbol, state.source);
    if (node == kNone || state.axis.slot == kNone || state.init.bad()) continue;
    AxisBinder::Value& value = binder.values[static_cast<std::size_t>(node)];
    value.starts.emplace_back(state.init.node, state.axis.slot);
    for (const Tap& tap : state.init.taps) value.along.push_back(tap.axis.slot);
  }
  for (const Slot& slot : slots_) {
    AxisBinder::Feed& feed = binder.feeds.emplace_back();
    add_reads(slot.feeds, feed.reads, feed.along);
  }
  binder.run();
}

// Marks the axes that are there and gives each a number, enough to tell them apart; false if there are too many.
bool Expander::count_axes() {
  for (Slot& slot : slots_) slot.used = slot.used || slot.declared;
  for (const Slot& inner : slots_) {
    std::size_t steps = 0;
    for (SlotId outer = inner.used ? inner.within : kNone; outer != kNone && steps <= slots_.size(); ++steps) {
      Slot& slot = slots_[static_cast<std::size_t>(outer)];
      slot.used = true;
      outer = slot.within;
    }
    if (steps <= slots_.size()) continue;
    diagnostics_.error("E0409", inner.source, "axis '" + inner.name + "' lies within itself");
    return false;
  }
  AxisId next = 0;
  for (Slot& slot : slots_) {
    if (!slot.used || slot.is_bound || slot.candidate) continue;
    slot.id = next++;
    if (slot.id < kMaxAxes) continue;
    diagnostics_.error("E0410", slot.source, "a model of more than " + std::to_string(kMaxAxes) + " axes");
    return false;
  }
  return true;
}

// Ids of the axes of the graph: as declared, but outer ones before those within them.
void Expander::number_axes() {
  std::vector<char> placed(slots_.size());
  const auto place = [&](auto&& self, SlotId id) -> void {
    Slot& slot = slots_[static_cast<std::size_t>(id)];
    if (placed[static_cast<std::size_t>(id)]) return;
    placed[static_cast<std::size_t>(id)] = 1;
    slot.within = resolved({slot.within, 1}).slot;
    if (slot.within != kNone) self(self, slot.within);
    slot.id = static_cast<AxisId>(graph_.axes.size());
    Axis axis;
    axis.name = slot.name;
    axis.source = slot.source;
    axis.within = slot.within == kNone ? kNone : slots_[static_cast<std::size_t>(slot.within)].id;
    graph_.axes.push_back(std::move(axis));
  };
  for (SlotId id = 0; id < static_cast<SlotId>(slots_.size()); ++id) {
    const Slot& slot = slots_[static_cast<std::size_t>(id)];
    if (slot.used && !slot.is_bound && !slot.candidate) place(place, id);
  }
}

}  // namespace tapeloop::expanding
