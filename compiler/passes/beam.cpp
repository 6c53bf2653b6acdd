#include "compiler/passes/beam.h"

#include <algorithm>
#include <map>
#include <utility>

#include "compiler/passes/beam_tokens.h"
#include "core/builder.h"

namespace tapeloop {
namespace {

constexpr double kNever = -1e30;  // the score of what there is not: finite, so that sums of it stay numbers

std::size_t at(std::int32_t id) { return static_cast<std::size_t>(id); }

// One axis is searched. A value lives at a position either before the hypotheses are chosen there (each goes on from one of the
// position before) or after (what depends on the token at the same position).
class Search {
 public:
  Search(Graph& graph, const Registry& registry, AxisId axis, SearchedNodes nodes)
      : graph_(graph), builder_(graph, registry), registry_(registry), axis_(axis), nodes_(std::move(nodes)), count_(graph.size()) {}

  void run() {
    const Axis& of = graph_.axes[at(axis_)];
    beam_ = of.beam;
    builder_.set_context(Phase::kForward, of.name + ".beam", of.source);
    add_axis();
    for (NodeId id = 0; id < count_; ++id) {
      if (inside(id)) graph_[id].space = graph_[id].space.with(along_);
    }
    space_ = graph_[nodes_.token].space;
    choose();
    read_parents();
    follow_back();
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (id >= count_ || inside(id)) graph_[id].text = equation_text(graph_, graph_[id]);
    }
  }

 private:
  bool inside(NodeId id) const { return id != kNone && id < count_ && nodes_.inside[at(id)]; }
  bool after(NodeId id) const { return nodes_.after[at(id)]; }

  void add_axis() {
    along_ = static_cast<AxisId>(graph_.axes.size());
    Axis hypotheses;
    hypotheses.name = graph_.axes[at(axis_)].name + ".beam";
    hypotheses.source = graph_.axes[at(axis_)].source;
    hypotheses.length = whole(builder_.constant(beam_)).id;
    graph_.axes.push_back(std::move(hypotheses));
    graph_.axes[at(axis_)].beam = 1;
    which_ = builder_.index(along_);
  }

  Term whole(Term term) {
    graph_[term.id].type = Type::kInt;
    return term;
  }
  Term named(Term term, const std::string& what) {
    graph_[term.id].name = graph_.axes[at(axis_)].name + "." + what;
    return term;
  }
  Term tap(Term value, std::int32_t offset, Term start, Space space) {
    const Term moved = builder_.move(value, {{axis_, Move::From::kHere, offset}}, {{axis_, 1, 0}}, {start}, space);
    if (value.id != kNone) graph_[moved.id].type = graph_[value.id].type;
    return moved;
  }
  // Of a value that is not there yet; `close` gives it.
  Term tap_ahead(Term start) { return tap({&builder_, kNone}, -1, start, space_); }
  void close(Term tapped, Term value) {
    graph_[tapped.id].operands[0] = value.id;
    graph_[tapped.id].type = graph_[value.id].type;
  }

  // [..] on [t, t.beam] -> [K, ..] on [t]: of all hypotheses.
  Term all(Term value) {
    const auto found = all_.find(value.id);
    if (found != all_.end()) return builder_.term(found->second);
    std::vector<Term> each;
    for (std::int32_t k = 0; k < beam_; ++k) {
      each.push_back(builder_.move(value, {{along_, Move::From::kStart, k}}, {}, {}, value.space().without(along_)));
      graph_[each.back().id].type = graph_[value.id].type;
    }
    const Term stacked = builder_.call("stack", each);
    all_[value.id] = stacked.id;
    return stacked;
  }
  Term reshaped(Term value, const Shape& shape) {
    std::vector<double> dims;
    for (const Dim& dim : shape) dims.push_back(static_cast<double>(dim.number()));
    const Type type = graph_[value.id].type;
    const Term result = builder_.shaped("reshape", {value}, value.space(), shape, {{"shape", dims}});
    graph_[result.id].type = type;
    return result;
  }
  // The value of hypothesis `hypothesis`, which may be another one at every point.
  Term of(Term value, Term hypothesis) {
    const Shape shape = graph_.sizes.resolve(value.shape());
    const Type type = graph_[value.id].type;
    const Term values = all(value);
    if (shape.empty()) return builder_.call("pick", {values, hypothesis});
    Term row = builder_.call("embedding", {hypothesis, reshaped(values, {Dim(beam_), Dim(elements(shape))})});
    graph_[row.id].type = type;
    return shape.size() == 1 ? row : reshaped(row, shape);
  }

  // How much a score counts by how many tokens it is the sum of.
  Term per_length(Term score, Term tokens) {
    const double penalty = graph_.axes[at(axis_)].length_penalty;
    return penalty == 0 ? score : score / builder_.call("power", {(tokens + 5) * (1.0 / 6), builder_.constant(penalty)});
  }

  void choose() {
    const Term logits = builder_.term(graph_[nodes_.token].operands[0]);
    const auto tokens = static_cast<std::int32_t>(graph_.sizes.resolve(logits.shape()[0]).number());
    const Term shifted = logits - builder_.call("max_shape", {logits});
    const Term likelihood = shifted - builder_.call("log", {builder_.call("sum_shape", {builder_.call("exp", {shifted})})});
    const Term zero = whole(builder_.constant(0)), one = whole(builder_.constant(1));
    const Term never = builder_.constant(kNever);
    // At first all hypotheses are the same: one of them counts.
    const Term score_before = tap_ahead(builder_.call("where", {which_, never, builder_.constant(0)}));
    const Term ended_before = tap_ahead(zero), steps_before = tap_ahead(zero), token_before = tap_ahead(zero);
    close(token_before, builder_.term(nodes_.token));
    for (const Term term : {ended_before, steps_before, token_before}) whole(term);
    const Term again = builder_.call("one_hot", {token_before}, {{"n", static_cast<double>(tokens)}});
    const Term stays = builder_.call("where", {again, builder_.constant(0), never});
    const Term candidates = score_before + builder_.call("where", {ended_before, stays, likelihood});
    const Term steps_here = steps_before + builder_.call("subtract", {one, ended_before});
    const Shape flat = {Dim(std::int64_t{beam_} * tokens)};
    const Term ranked = reshaped(all(per_length(candidates, steps_here)), flat);
    const Term best = builder_.call("top", {ranked}, {{"count", static_cast<double>(beam_)}});
    const Term candidate = builder_.call("pick", {best, which_});
    parent_ = named(builder_.call("floor", {(candidate + 0.5) / builder_.constant(tokens)}), "beam.parent");
    say(candidate, builder_.call("multiply", {parent_, whole(builder_.constant(tokens))}));
    score_ = named(builder_.call("pick", {reshaped(all(candidates), flat), candidate}), "beam.score");
    const Term steps = of(steps_here, parent_);
    const Term done = builder_.term(graph_.axes[at(axis_)].until);
    const Term done_here = inside(done.id) && !after(done.id) ? of(done, parent_) : done;
    const Term ended = whole(builder_.call("where", {of(ended_before, parent_), one, done_here}));
    close(score_before, score_);
    close(ended_before, ended);
    close(steps_before, steps);
    stop(ended, steps);
  }

  // The token of each hypothesis, in place of the likeliest one.
  void say(Term candidate, Term first) {
    Node& token = graph_[nodes_.token];
    token.kind = &registry_.at("subtract");
    token.operands = {candidate.id, first.id};
    token.attributes.clear();
  }

  // A score only falls from token to token, and no length makes it count more than the greatest one.
  void stop(Term ended, Term steps) {
    Axis& of = graph_.axes[at(axis_)];
    const Term never = builder_.constant(kNever);
    const Term going = builder_.call("where", {ended, never, per_length(score_, builder_.constant(of.most))});
    const Term gone = builder_.call("where", {ended, per_length(score_, steps), never});
    const Term done =
        builder_.call("greater", {builder_.extreme_along("max_along", gone, along_), builder_.extreme_along("max_along", going, along_)});
    graph_.axes[at(axis_)].until = named(done, "beam.ended").id;
  }

  // ancestors(d): of a hypothesis that a position begins with, the one that it came from d positions before.
  Term ancestors(std::int32_t back) {
    const Term parent = tap(parent_, -back, which_, space_);
    return back == 1 ? parent : of(parent, ancestors(back - 1));
  }

  void read_parents() {
    for (NodeId id = 0; id < count_; ++id) {
      if (!inside(id) || id == nodes_.token) continue;
      const std::int32_t steps = steps_back(graph_[id], axis_);
      if (steps > 0) {
        read_back(id, after(graph_[id].operands[0]) ? steps - 1 : steps);
      } else if (after(id)) {
        for (std::size_t k = 0; k < graph_[id].operands.size(); ++k) read_chosen(id, k);
      }
    }
  }
  void read_back(NodeId id, std::int32_t back) {
    if (back == 0 || !inside(graph_[id].operands[0])) return;
    Node raw = graph_[id];
    raw.is_part = true;
    raw.name += ".beam";
    const Term found = of(builder_.term(graph_.add(std::move(raw))), ancestors(back));
    Node& node = graph_[id];
    node.kind = &registry_.at("copy");
    node.operands = {found.id};
    node.moves.clear();
    node.outsides.clear();
  }
  void read_chosen(NodeId id, std::size_t k) {
    const NodeId operand = graph_[id].operands[k];
    if (!inside(operand) || after(operand)) return;
    const Term chosen = of(builder_.term(operand), parent_);
    graph_[id].operands[k] = chosen.id;
  }

  // The path of the best hypothesis, backwards; at the end it is the first.
  void follow_back() {
    const Term zero = whole(builder_.constant(0));
    const Term parents = all(parent_);
    const Space space = space_.without(along_);
    const Term parents_next = tap(parents, 1, builder_.zeros(parents.shape()), space);
    const Term next = whole(tap({&builder_, kNone}, 1, zero, space));
    const Term path = named(builder_.call("pick", {parents_next, next}), "beam.path");
    close(next, path);
    const Term path_before = builder_.call("pick", {parents, path});
    std::map<NodeId, NodeId> followed;
    const auto follow = [&](NodeId& id) {
      if (!inside(id)) return;
      auto found = followed.find(id);
      if (found == followed.end()) {
        const Term value = of(builder_.term(id), after(id) ? path : path_before);
        graph_[value.id].name = graph_[id].name;
        graph_[id].name += ".beam";
        found = followed.emplace(id, value.id).first;
      }
      id = found->second;
    };
    const NodeId until = graph_.axes[at(axis_)].until;
    for (NodeId id = 0; id < count_; ++id) {
      if (inside(id)) continue;
      for (std::size_t k = 0; k < graph_[id].operands.size(); ++k) {
        NodeId operand = graph_[id].operands[k];
        follow(operand);
        graph_[id].operands[k] = operand;
      }
    }
    for (OutputRef& output : graph_.outputs) follow(output.node);
    for (auto& [name, id] : graph_.names) follow(id);
    for (LossTerm& term : graph_.losses) {
      follow(term.value);
      follow(term.weights);
    }
    graph_.axes[at(axis_)].until = until;
    graph_.names.try_emplace(graph_.axes[at(axis_)].name + ".score", named(of(score_, path), "score").id);
  }

  Graph& graph_;
  GraphBuilder builder_;
  const Registry& registry_;
  AxisId axis_;           // that is searched
  AxisId along_ = kNone;  // its hypotheses
  std::int32_t beam_ = 1;
  SearchedNodes nodes_;
  NodeId count_;  // of nodes before the search
  Space space_;   // of the token
  Term which_;    // the number of a hypothesis
  Term parent_, score_;
  std::map<NodeId, NodeId> all_;
};

}  // namespace

Graph beam(Graph graph, const Registry& registry, Diagnostics& diagnostics) {
  const auto axes = static_cast<AxisId>(graph.axes.size());
  for (AxisId axis = 0; axis < axes; ++axis) {
    if (graph.axes[at(axis)].beam == 1) continue;
    if (static_cast<AxisId>(graph.axes.size()) >= kMaxAxes) {
      diagnostics.error("E0410", graph.axes[at(axis)].source,
                        "a model of more than " + std::to_string(kMaxAxes) + " axes, one for hypotheses");
      return graph;
    }
    auto nodes = searched_nodes(graph, axis, diagnostics);
    if (!nodes) return graph;
    Search(graph, registry, axis, std::move(*nodes)).run();
  }
  return graph;
}

}  // namespace tapeloop
