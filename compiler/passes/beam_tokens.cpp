#include "compiler/passes/beam_tokens.h"

#include <algorithm>
#include <string>

#include "compiler/passes/axis_reads.h"
#include "core/kind.h"

namespace tapeloop {
namespace {

constexpr std::int64_t kMostCandidates = 1 << 20;  // counted exactly in float, with room to divide

std::size_t at(std::int32_t id) { return static_cast<std::size_t>(id); }

class Finder {
 public:
  Finder(const Graph& graph, AxisId axis, Diagnostics& diagnostics)
      : graph_(graph), axis_(axis), diagnostics_(diagnostics), readers_(graph.nodes.size()) {
    for (NodeId id = 0; id < graph_.size(); ++id) {
      for (const NodeId operand : graph_[id].operands) {
        if (operand != kNone) readers_[at(operand)].push_back(id);
      }
    }
  }

  std::optional<SearchedNodes> run() {
    SearchedNodes found;
    found.token = find_token();
    if (found.token == kNone) return std::nullopt;
    const NodeId until = graph_.axes[at(axis_)].until;
    const std::vector<bool> said = dependent(found.token, true);
    const std::vector<bool> needed = needed_by({graph_[found.token].operands[0], until});
    found.inside.assign(graph_.nodes.size(), false);
    found.after = dependent(found.token, false);
    for (NodeId id = 0; id < graph_.size(); ++id) found.inside[at(id)] = id == found.token || (said[at(id)] && needed[at(id)]);
    const bool fits = has_size(found.token) && lengths_stay(said) && draws_nothing(found.token) && stays_in_step(found);
    return fits ? std::optional(std::move(found)) : std::nullopt;
  }

 private:
  std::nullopt_t refuse(const Source& source, const std::string& what, const std::string& help) const {
    diagnostics_.error("E0613", source, "beam search along " + graph_.axes[at(axis_)].name + ": " + what, help);
    return std::nullopt;
  }

  // What depends on a node; with `later`, also at positions behind its own.
  std::vector<bool> dependent(NodeId of, bool later) const {
    std::vector<bool> found(graph_.nodes.size());
    std::vector<NodeId> work = {of};
    while (!work.empty()) {
      const NodeId id = work.back();
      work.pop_back();
      for (const NodeId reader : readers_[at(id)]) {
        if (found[at(reader)] || (!later && steps_back(graph_[reader], axis_) > 0)) continue;
        found[at(reader)] = true;
        work.push_back(reader);
      }
    }
    if (!later) found[at(of)] = true;
    return found;
  }

  std::vector<bool> needed_by(std::vector<NodeId> work) const {
    std::vector<bool> found(graph_.nodes.size());
    while (!work.empty()) {
      const NodeId id = work.back();
      work.pop_back();
      if (id == kNone || found[at(id)]) continue;
      found[at(id)] = true;
      work.insert(work.end(), graph_[id].operands.begin(), graph_[id].operands.end());
    }
    return found;
  }

  // The argmax that what is read next depends on.
  NodeId find_token() const {
    std::vector<NodeId> found;
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const Node& node = graph_[id];
      const bool is_choice = node.kind->name == "argmax" || node.kind->name == "argmax_shape";
      if (is_choice && node.space.has(axis_) && node.shape.empty() && dependent(id, true)[at(id)]) found.push_back(id);
    }
    if (found.size() == 1) return found[0];
    const std::string what =
        found.empty() ? "nothing that is said is an argmax that the next step reads"
                      : "both '" + graph_[found[0]].name + "' and '" + graph_[found[1]].name + "' are an argmax that the next step reads";
    refuse(found.empty() ? graph_.axes[at(axis_)].source : graph_[found[1]].source, what,
           "there is one choice at each position: token: argmax(logits, along=shape), and token_tm1 is read");
    return kNone;
  }

  bool has_size(NodeId token) const {
    const Node& logits = graph_[graph_[token].operands[0]];
    const Shape shape = graph_.sizes.resolve(logits.shape);
    const std::int32_t beam = graph_.axes[at(axis_)].beam;
    const bool fits = shape.size() == 1 && is_known(shape) && elements(shape) * beam <= kMostCandidates;
    if (!fits) {
      refuse(graph_[token].source,
             "'" + graph_[token].name + "' chooses from " + graph_.sizes.text(shape) + " numbers, for each of " + std::to_string(beam) +
                 " hypotheses: expected a vector of known size, " + std::to_string(kMostCandidates) + " candidates at most",
             "say the size, or a smaller beam");
    }
    return fits;
  }

  bool lengths_stay(const std::vector<bool>& said) const {
    for (AxisId axis = 0; axis < static_cast<AxisId>(graph_.axes.size()); ++axis) {
      const Axis& other = graph_.axes[at(axis)];
      for (const NodeId by : {other.length, other.until}) {
        if (axis == axis_ || by == kNone || !said[at(by)]) continue;
        refuse(other.source, "the lengths of axis " + other.name + " depend on what is said, and would differ between hypotheses",
               "give that axis another length in this mode, or search without a beam");
        return false;
      }
    }
    return true;
  }

  bool draws_nothing(NodeId token) const {
    const std::vector<bool> needed = needed_by({token});
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (!needed[at(id)] || graph_[id].kind->role != Role::kDraw || !graph_[id].space.has(axis_)) continue;
      refuse(graph_[id].source, "'" + graph_[token].name + "' is drawn, and a search looks for the likeliest",
             "write token: argmax(logits, along=shape), or leave the beam out");
      return false;
    }
    return true;
  }

  // Hypotheses of one position go on from those of the one before, and from nothing else.
  bool stays_in_step(const SearchedNodes& found) const {
    const Space outer = graph_.within(axis_);
    const Node& token = graph_[found.token];
    if (token.space != outer.with(axis_)) {
      refuse(token.source, "'" + token.name + "' is chosen on " + graph_.text(token.space) + ", and the run ends for all of it at once",
             "what is said varies along the searched axis, and along those that it lies within");
      return false;
    }
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const Node& node = graph_[id];
      if (!found.inside[at(id)]) continue;
      const auto is_wrong = [&](const Move& move) {
        return move.axis == axis_ ? move.from != Move::From::kHere || move.offset > 0 : outer.has(move.axis) && move.offset != 0;
      };
      const bool moves = std::any_of(node.moves.begin(), node.moves.end(), is_wrong);
      const bool whole = reads_whole_run(graph_, node, axis_) || node.remap.from != kNone || !node.space.has(axis_);
      if (!moves && !whole) continue;
      refuse(node.source,
             "what is said next depends on '" + (node.is_part && !node.text.empty() ? node.text : node.name) +
                 "', which is not a step back along " + graph_.axes[at(axis_)].name,
             "hypotheses go on step by step, each from one of the step before; without a beam this can be decoded");
      return false;
    }
    return true;
  }

  const Graph& graph_;
  AxisId axis_;
  Diagnostics& diagnostics_;
  std::vector<std::vector<NodeId>> readers_;
};

}  // namespace

std::int32_t steps_back(const Node& node, AxisId axis) {
  if (node.kind->role != Role::kMove) return 0;
  const auto tap = std::find_if(node.moves.begin(), node.moves.end(), [&](const Move& move) { return move.axis == axis; });
  return tap == node.moves.end() || tap->from != Move::From::kHere ? 0 : -tap->offset;
}

std::optional<SearchedNodes> searched_nodes(const Graph& graph, AxisId axis, Diagnostics& diagnostics) {
  return Finder(graph, axis, diagnostics).run();
}

}  // namespace tapeloop
