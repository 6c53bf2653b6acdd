#include "compiler/passes/until.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "compiler/passes/axis_reads.h"
#include "core/builder.h"

namespace tapeloop {
namespace {

std::size_t at(std::int32_t id) { return static_cast<std::size_t>(id); }

// What one decision needs, copied along trial positions.
class Trial {
 public:
  Trial(Graph& graph, const Registry& registry, Diagnostics& diagnostics, AxisId axis, bool taken)
      : graph_(graph), registry_(registry), diagnostics_(diagnostics), axis_(axis), taken_(taken), count_(graph.size()) {}

  void run() {
    find_copied();
    find_of_this_run();
    for (NodeId id = 0; id < count_; ++id) {
      if (copied_[at(id)] && !check(id)) return;
    }
    const NodeId done = graph_.axes[at(axis_)].until;
    if (!add_axes()) return;
    add_copies();
    decide(done);
    for (NodeId id = 0; id < count_; ++id) {
      if (copied_[at(id)]) fill(id);
    }
    for (NodeId id = 0; id < count_ && taken_; ++id) {
      if (copied_[at(id)]) take(id);
    }
    for (const bool moves : {true, false}) {  // readers name what they read
      for (NodeId id = count_; id < graph_.size(); ++id) {
        Node& node = graph_[id];
        if (node.kind->role != Role::kConstant && (node.kind->role == Role::kMove) == moves) node.text = equation_text(graph_, node);
      }
    }
  }

 private:
  // What `done` is made from, as far as it depends on the axis.
  void find_copied() {
    std::vector<char> needed(at(count_));
    std::vector<NodeId> work = {graph_.axes[at(axis_)].until};
    const auto add_lengths = [&](Space space) {
      for (const AxisId axis : space.axes()) {
        if (axis != axis_) work.insert(work.end(), {graph_.axes[at(axis)].length, graph_.axes[at(axis)].until});
      }
    };
    while (!work.empty()) {
      const NodeId id = work.back();
      work.pop_back();
      if (id == kNone || needed[at(id)]) continue;
      needed[at(id)] = 1;
      work.insert(work.end(), graph_[id].operands.begin(), graph_[id].operands.end());
      add_lengths(graph_[id].space);
      if (graph_[id].kind->role == Role::kLength) add_lengths(Space::batch().with(graph_[id].axis));
    }
    copied_ = dependent();
    for (NodeId id = 0; id < count_; ++id) copied_[at(id)] = copied_[at(id)] && needed[at(id)];
  }

  // What the decision reads of its own run: not through a tap along an axis around it.
  void find_of_this_run() {
    const Space outer = graph_.within(axis_);
    of_this_run_.assign(at(count_), 0);
    std::vector<NodeId> work = {graph_.axes[at(axis_)].until};
    while (!work.empty()) {
      const NodeId id = work.back();
      work.pop_back();
      if (id == kNone || !copied_[at(id)] || of_this_run_[at(id)]) continue;
      of_this_run_[at(id)] = 1;
      const std::vector<Move>& moves = graph_[id].moves;
      const auto is_other = [&](const Move& move) { return outer.has(move.axis) && move.offset != 0; };
      if (std::any_of(moves.begin(), moves.end(), is_other)) continue;
      work.insert(work.end(), graph_[id].operands.begin(), graph_[id].operands.end());
    }
  }

  std::vector<char> dependent() const {
    std::vector<std::vector<NodeId>> readers(at(count_));
    std::vector<char> found(at(count_));
    std::vector<NodeId> work;
    const auto reads_length = [&](NodeId id, AxisId axis) {
      const Axis& of = graph_.axes[at(axis)];
      for (const NodeId length : {of.length, of.until}) {
        if (axis != axis_ && length != kNone) readers[at(length)].push_back(id);
      }
    };
    for (NodeId id = 0; id < count_; ++id) {
      const Node& node = graph_[id];
      for (const NodeId operand : node.operands) {
        if (operand != kNone) readers[at(operand)].push_back(id);
      }
      for (const AxisId axis : node.space.axes()) reads_length(id, axis);
      if (node.kind->role == Role::kLength) reads_length(id, node.axis);
      if (node.axis == axis_ || follows(graph_, node.space, axis_)) work.push_back(id);
    }
    while (!work.empty()) {
      const NodeId id = work.back();
      work.pop_back();
      if (found[at(id)]) continue;
      found[at(id)] = 1;
      work.insert(work.end(), readers[at(id)].begin(), readers[at(id)].end());
    }
    return found;
  }

  bool check(NodeId id) {
    const Node& node = graph_[id];
    const bool derived = follows(graph_, node.space.without(axis_), axis_) || node.remap.from != kNone;
    if (derived) return refuse(id, "reads '" + shown(node) + "', which goes from one axis to another");
    if (reads_future(node, axis_)) return refuse(id, "reads '" + shown(node) + "', which comes after");
    for (const AxisId axis : node.space.axes()) {
      const Axis& inner = graph_.axes[at(axis)];
      if (axis != axis_ && graph_.within(axis).has(axis_) && inner.fed()) {
        return refuse(id, "needs axis " + inner.name + ", whose lengths come with the data");
      }
    }
    const bool by_position = std::any_of(node.outsides.begin(), node.outsides.end(),
                                         [&](const Outside& outside) { return outside.axis == axis_ && outside.slots > 0; });
    if (reads_other_run(node) && by_position) {
      return refuse(id, "reads '" + shown(node) + "' of another run, whose start has a number for each position");
    }
    if (!reads_whole_run(graph_, node, axis_)) return true;
    if (of_this_run_[at(id)] || node.kind->role == Role::kIndex) {
      return refuse(id, "needs '" + shown(node) + "', which takes the whole run");
    }
    if (node.moves.size() > 1) {
      return refuse(id, "reads '" + shown(node) + "', an end and a tap at once; give " + graph_[node.operands[0]].name + " a second name");
    }
    return true;
  }

  static const std::string& shown(const Node& node) { return node.is_part && !node.text.empty() ? node.text : node.name; }

  // "done (line 9) <- token (line 8) <- r (line 6)": how the decision comes to read the node.
  bool refuse(NodeId id, const std::string& why) {
    const NodeId done = graph_.axes[at(axis_)].until;
    std::vector<NodeId> next(at(count_), kNone), work = {done};
    std::vector<char> seen(at(count_));
    seen[at(done)] = 1;
    for (std::size_t k = 0; k < work.size(); ++k) {
      for (const NodeId operand : graph_[work[k]].operands) {
        if (operand == kNone || seen[at(operand)]) continue;
        seen[at(operand)] = 1;
        next[at(operand)] = work[k];
        work.push_back(operand);
      }
    }
    std::string path;
    for (NodeId step = id; step != kNone; step = next[at(step)]) {
      const Node& node = graph_[step];
      if (node.is_part && step != done) continue;
      const std::string line = node.source.known() ? " (line " + std::to_string(node.source.line) + ")" : "";
      path = shown(node) + line + (path.empty() ? "" : " <- ") + path;
    }
    const Axis& axis = graph_.axes[at(axis_)];
    diagnostics_.error(
        "E0612", graph_[id].source,
        "'" + shown(graph_[done]) + "' decides at each position of " + axis.name + " whether it is the last, and " + why + ": " + path,
        "a run whose end is decided goes forwards: read the past alone, or give the axis a length in this mode");
    return false;
  }

  // Right behind those they stand for, so that draws see positions in the same order.
  bool add_axes() {
    const auto count = static_cast<AxisId>(graph_.axes.size());
    Space twice = Space::batch().with(axis_);
    for (NodeId id = 0; id < count_; ++id) {
      if (!copied_[at(id)]) continue;
      for (const AxisId axis : graph_[id].space.axes()) {
        const NodeId length = graph_.axes[at(axis)].length;
        if (graph_.within(axis).has(axis_) || (length != kNone && copied_[at(length)])) twice = twice.with(axis);
      }
    }
    std::vector<AxisId> now;
    AxisId next = 0;
    for (AxisId axis = 0; axis < count; ++axis) {
      now.push_back(next);
      next += twice.has(axis) ? 2 : 1;
    }
    if (next > kMaxAxes) {
      diagnostics_.error("E0410", graph_.axes[at(axis_)].source,
                         "a model of more than " + std::to_string(kMaxAxes) + " axes, with those along which ends are looked for");
      return false;
    }
    renumber_axes(graph_, now);
    std::vector<Axis> axes;
    for (AxisId axis = 0; axis < count; ++axis) {
      axes.push_back(graph_.axes[at(axis)]);
      trial_.push_back(now[at(axis)]);
      if (!twice.has(axis)) continue;
      trial_.back() = now[at(axis)] + 1;
      Axis twin = graph_.axes[at(axis)];
      twin.name += "~";
      axes.push_back(std::move(twin));
    }
    axis_ = now[at(axis_)];
    graph_.axes = std::move(axes);
    trial_ = by_new_number(now);
    for (AxisId axis = 0; axis < static_cast<AxisId>(graph_.axes.size()); ++axis) {
      AxisId& within = graph_.axes[at(axis)].within;
      if (is_trial(axis) && within != kNone) within = trial_[at(within)];
    }
    return true;
  }

  // trial_[a]: the axis of trial positions that stands for a, or a itself.
  std::vector<AxisId> by_new_number(const std::vector<AxisId>& now) const {
    std::vector<AxisId> result;
    for (AxisId axis = 0; axis < static_cast<AxisId>(graph_.axes.size()); ++axis) result.push_back(axis);
    for (std::size_t k = 0; k < now.size(); ++k) result[at(now[k])] = trial_[k];
    return result;
  }
  bool is_trial(AxisId axis) const { return axis > 0 && trial_[at(axis - 1)] == axis; }

  Space on_trial(Space space) const {
    Space result = space.on_batch() ? Space::batch() : Space::parameters();
    for (const AxisId axis : space.axes()) result = result.with(trial_[at(axis)]);
    return result;
  }
  NodeId copy_of(NodeId id) const { return id == kNone || !copied_[at(id)] ? id : copies_[at(id)]; }

  // On their axes, but reading what the originals read: `fill` does the rest when all are there.
  void add_copies() {
    copies_.assign(at(count_), kNone);
    for (NodeId id = 0; id < count_; ++id) {
      if (!copied_[at(id)]) continue;
      Node copy = graph_[id];
      if (copy.kind->role == Role::kDraw && !find_attribute(copy.attributes, "draw")) {
        copy.attributes.emplace_back("draw", copy.name);
        std::sort(copy.attributes.begin(), copy.attributes.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
      }
      copy.name += "~";
      copy.space = on_trial(copy.space);
      copy.axis = copy.axis == kNone ? kNone : trial_[at(copy.axis)];
      for (Move& move : copy.moves) move.axis = trial_[at(move.axis)];
      for (Outside& outside : copy.outsides) outside.axis = trial_[at(outside.axis)];
      copies_[at(id)] = graph_.add(std::move(copy));
    }
    for (AxisId axis = 0; axis < static_cast<AxisId>(graph_.axes.size()); ++axis) {
      if (!is_trial(axis)) continue;
      Axis& trial = graph_.axes[at(axis)];
      trial.length = copy_of(trial.length);
      trial.goes_on = copy_of(trial.goes_on);
    }
  }

  Term named(Term term, const std::string& what) {
    graph_[term.id].name = graph_.axes[at(along_)].name + what;
    return term;
  }

  void decide(NodeId done) {
    along_ = trial_[at(axis_)];
    builder_.set_context(Phase::kForward, graph_.axes[at(along_)].name, graph_.axes[at(axis_)].source);
    const Space space = graph_.within(along_).with(along_);
    Node node;
    node.kind = &registry_.at("where");
    node.space = space;
    node.type = Type::kInt;
    node.source = graph_.axes[at(axis_)].source;
    node.is_part = true;
    const Term goes_on = named(builder_.term(graph_.add(std::move(node))), "goes_on");
    alive_ = named(builder_.move(goes_on, {{along_, Move::From::kHere, -1}}, {{along_, 1, 0}}, {builder_.constant(1)}, space), "alive");
    graph_[goes_on.id].operands = {copy_of(done), builder_.constant(0).id, alive_.id};
    length_ = named(builder_.sum_to_space(alive_, space.without(along_)), "length");
    for (const NodeId id : {alive_.id, length_.id}) graph_[id].type = Type::kInt;
    Axis& trial = graph_.axes[at(along_)];
    const Term most = builder_.constant(trial.most);
    graph_[most.id].type = Type::kInt;
    trial.length = most.id;
    trial.until = kNone;
    trial.most = 0;
    trial.goes_on = goes_on.id;
    Axis& axis = graph_.axes[at(axis_)];
    axis.length = length_.id;
    axis.until = kNone;
    axis.most = 0;
  }

  Term alive_only(Term value, double otherwise) { return builder_.call("where", {alive_, value, builder_.constant(otherwise)}); }

  void fill(NodeId id) {
    const NodeId copy = copies_[at(id)];
    for (NodeId& operand : graph_[copy].operands) operand = copy_of(operand);
    if (reads_other_run(graph_[id])) return read_other_run(copy);
    if (!reads_whole_run(graph_, graph_[id], axis_)) return;
    const Node node = graph_[copy];  // a copy: the builder adds nodes
    const Role role = node.kind->role;
    const Term read = builder_.term(node.operands.empty() ? kNone : node.operands[0]);
    if (role == Role::kLength) {
      graph_[copy].kind = &registry_.at("copy");
      graph_[copy].axis = kNone;
      graph_[copy].operands = {length_.id};
    } else if (role == Role::kMove) {
      read_end(copy, node, read);
    } else {
      constexpr double kInfinity = std::numeric_limits<double>::infinity();
      const double otherwise = role == Role::kSumTo ? 0 : node.kind->finds_least ? kInfinity : -kInfinity;
      const Term masked = alive_only(read, otherwise);
      graph_[copy].operands[0] = masked.id;
    }
  }

  bool reads_other_run(const Node& node) const {
    if (node.kind->role != Role::kMove || node.operands[0] == kNone || !graph_[node.operands[0]].space.has(axis_)) return false;
    const Space outer = graph_.within(axis_);
    return std::any_of(node.moves.begin(), node.moves.end(), [&](const Move& move) { return outer.has(move.axis); });
  }

  // At a position that is past the end of that run, though not of the trial, stands the start value.
  void read_other_run(NodeId copy) {
    const Node node = graph_[copy];  // a copy: the builder adds nodes
    NodeId start = kNone;
    std::vector<Outside> outsides;  // whatever else it leaves: the read itself knows
    for (const AxisId axis : graph_[node.operands[0]].space.axes()) outsides.push_back({axis, 1, 0});
    for (const Outside& outside : node.outsides) {
      if (outside.axis == along_) start = node.operands[at(outside.operand)];
    }
    const Term inside = builder_.move(alive_, node.moves, outsides, {builder_.constant(1)}, node.space);
    const Term otherwise = start == kNone ? builder_.constant(0) : builder_.term(start);
    const NodeId own = graph_.add(node);
    Node& read = graph_[copy];
    read.kind = &registry_.at("where");
    read.moves.clear();
    read.outsides.clear();
    read.operands = {inside.id, own, otherwise.id};
  }

  // At the last position but `back` of those alive; before the first one it is read with a tap, so starts come in by themselves.
  void read_end(NodeId copy, const Node& node, Term read) {
    Term from = read;
    if (node.moves[0].offset < -1) {
      std::vector<Term> starts;
      for (std::size_t k = 1; k < node.operands.size(); ++k) starts.push_back(builder_.term(node.operands[k]));
      from = builder_.move(read, {{along_, Move::From::kHere, node.moves[0].offset + 1}}, node.outsides, starts, read.space());
      graph_[from.id].type = node.type;
    }
    // Behind where a scan has stopped, its index is cleared like all else: only what is alive can be the last.
    const Term at_end = builder_.call("equal", {builder_.index(along_), length_ - 1});
    const Term is_last = builder_.call("multiply", {alive_, at_end});
    const Term kept = builder_.call("where", {is_last, from, builder_.constant(0)});
    Node& end = graph_[copy];
    end.kind = &registry_.at("sum_to");
    end.moves.clear();
    end.outsides.clear();
    end.operands = {kept.id};
  }

  // The copy's values in place of the node's own, at the same positions; not where more axes than this one are trial positions.
  void take(NodeId id) {
    Node& node = graph_[id];
    const NodeId copy = copies_[at(id)];
    if (node.kind->role == Role::kAlias) return;
    if (node.space == graph_[copy].space) {
      node.kind = &registry_.at("copy");
    } else if (on_trial(node.space) == node.space.without(axis_).with(along_)) {
      node.kind = &registry_.at("remap");
      node.remap.from = along_;
      node.remap.steps = {{axis_}};
    } else {
      return;
    }
    node.operands = {copy};
    node.axis = kNone;
    node.moves.clear();
    node.outsides.clear();
    node.attributes.clear();
    node.text = equation_text(graph_, node);
  }

  Graph& graph_;
  const Registry& registry_;
  Diagnostics& diagnostics_;
  AxisId axis_;           // that is decided
  AxisId along_ = kNone;  // its trial positions
  bool taken_;            // the values tried stand for the axis' own
  NodeId count_;          // of nodes before there were copies
  GraphBuilder builder_{graph_, registry_};
  std::vector<char> copied_;
  std::vector<char> of_this_run_;
  std::vector<NodeId> copies_;
  std::vector<AxisId> trial_;
  Term alive_, length_;
};

}  // namespace

Graph until(Graph graph, bool taken, const Registry& registry, Diagnostics& diagnostics) {
  while (true) {  // axes within others first
    auto axis = static_cast<AxisId>(graph.axes.size()) - 1;
    while (axis >= 0 && !graph.axes[at(axis)].decided()) --axis;
    if (axis < 0) return graph;
    const auto others = std::count_if(graph.axes.begin(), graph.axes.end(), [](const Axis& one) { return one.decided(); });
    Trial(graph, registry, diagnostics, axis, taken && others == 1).run();
    if (diagnostics.has_errors()) return graph;
  }
}

}  // namespace tapeloop
