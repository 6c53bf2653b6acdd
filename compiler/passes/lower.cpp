#include "compiler/passes/lower.h"

#include <algorithm>
#include <map>
#include <utility>

#include "compiler/passes/cost.h"
#include "core/live_nodes.h"
#include "core/philox.h"

namespace tapeloop {
namespace {

class Lowering {
 public:
  Lowering(const Graph& graph, const Schedule& schedule, const std::vector<Placement>& placements, const std::vector<NodeId>& keep)
      : graph_(graph), schedule_(schedule), placements_(placements), keep_(keep) {}

  Plan run() {
    describe();
    find_absorbed();
    make_buffers();
    plan_.forward = segments(schedule_.forward, {});
    plan_.backward = segments(schedule_.backward, {});
    return std::move(plan_);
  }

 private:
  const Placement& place(NodeId id) const { return placements_[static_cast<std::size_t>(id)]; }
  BufferId buffer(NodeId id) const { return id == kNone ? kNone : plan_.nodes[static_cast<std::size_t>(id)].buffer; }
  bool absorbed(NodeId id) const { return id != kNone && absorbed_[static_cast<std::size_t>(id)]; }

  void describe() {
    plan_.axes = graph_.axes;
    plan_.sizes = graph_.sizes;
    plan_.outputs = graph_.outputs;
    plan_.seeds = graph_.seeds;
    plan_.loss = graph_.total_loss;
    plan_.gradients = graph_.gradients;
    const std::vector<WholeNumbers> whole = whole_numbers(graph_);
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const Node& node = graph_[id];
      const Shape shape = graph_.sizes.resolve(node.shape);
      plan_.nodes.push_back({node.name, node.text, node.source, node.space, shape, node.type, kNone, node.init, node.is_part});
      if (node.kind->role == Role::kParameter) plan_.parameters.push_back(id);
      const bool seed = std::find(graph_.seeds.begin(), graph_.seeds.end(), id) != graph_.seeds.end();
      if (node.kind->role == Role::kInput && !seed) {
        plan_.inputs.push_back(id);
        plan_.nodes.back().whole = whole[static_cast<std::size_t>(id)];
      }
      note_free_sizes(shape);
    }
  }

  void note_free_sizes(const Shape& shape) {
    for (const Dim& dim : shape) {
      if (dim.is_number()) continue;
      plan_.executable = false;
      const std::string name = graph_.sizes.text(dim);
      auto& names = plan_.free_sizes;
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }

  // A move needs no instruction if all its readers can look its rows up in a table.
  void find_absorbed() {
    absorbed_.assign(graph_.nodes.size(), false);
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const Role role = graph_[id].kind->role;
      absorbed_[static_cast<std::size_t>(id)] = role == Role::kMove || role == Role::kUnmove || role == Role::kRemap;
    }
    for (NodeId reader = 0; reader < graph_.size(); ++reader) {
      const Node& node = graph_[reader];
      const Role role = node.kind->role;
      const bool looks_up = role == Role::kPoint || role == Role::kLocal || role == Role::kProduct || role == Role::kProductSum;
      Space points = node.space;
      if (role == Role::kProductSum) points = graph_[node.operands[0]].space | graph_[node.operands[1]].space;
      for (const NodeId operand : node.operands) {
        if (operand == kNone || (looks_up && (graph_[operand].space == points || spreads(operand)))) continue;
        absorbed_[static_cast<std::size_t>(operand)] = false;
      }
    }
    const auto must_be_made = [&](NodeId id) {
      if (id != kNone) absorbed_[static_cast<std::size_t>(id)] = false;
    };
    for (const OutputRef& output : graph_.outputs) must_be_made(output.node);
    for (const auto& [leaf, gradient] : graph_.gradients) must_be_made(gradient);
    for (const Axis& axis : graph_.axes) {
      must_be_made(axis.length);
      must_be_made(axis.goes_on);
    }
    for (const NodeId id : keep_) must_be_made(id);
    must_be_made(graph_.total_loss);
  }

  // A table can move and spread at once where the axes that the move may leave are those of a value that it reads.
  bool spreads(NodeId id) const { return graph_[id].kind->role == Role::kMove && graph_[id].operands[0] != kNone; }

  // An input that nobody reads in this mode has none: it need not be fed.
  void make_buffers() {
    std::vector<NodeId> also = keep_;
    also.insert(also.end(), graph_.seeds.begin(), graph_.seeds.end());
    const std::vector<char> live = live_nodes(graph_, std::move(also));
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const Node& node = graph_[id];
      const Role role = node.kind->role;
      if (absorbed(id) || role == Role::kAlias || (role == Role::kInput && !live[static_cast<std::size_t>(id)])) continue;
      Buffer made;
      if (role == Role::kInput) made.kind = Buffer::Kind::kInput;
      if (role == Role::kParameter) made.kind = Buffer::Kind::kParameter;
      made.layout = node.space == Space() ? kNone : layout(place(id).layout);
      made.shape = plan_.nodes[static_cast<std::size_t>(id)].shape;
      made.elements = is_known(made.shape) ? elements(made.shape) : 0;
      plan_.nodes[static_cast<std::size_t>(id)].buffer = static_cast<BufferId>(plan_.buffers.size());
      plan_.buffers.push_back(std::move(made));
    }
    for (NodeId id = 0; id < graph_.size(); ++id) {
      NodeId source = id;
      while (graph_[source].kind->role == Role::kAlias) source = graph_[source].operands[0];
      plan_.nodes[static_cast<std::size_t>(id)].buffer = plan_.nodes[static_cast<std::size_t>(source)].buffer;
    }
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (graph_[id].phase == Phase::kForward) continue;
      for (const NodeId operand : graph_[id].operands) mark_taped(operand);
    }
  }

  void mark_taped(NodeId id) {
    if (id == kNone || graph_[id].phase != Phase::kForward) return;
    if (absorbed(id)) {
      for (const NodeId operand : graph_[id].operands) mark_taped(operand);
    } else {
      plan_.buffers[static_cast<std::size_t>(buffer(id))].taped = true;
    }
  }

  template <class T>
  static std::int32_t number_of_equal(std::vector<T>& list, T item) {
    const auto at = std::find(list.begin(), list.end(), item);
    if (at != list.end()) return static_cast<std::int32_t>(at - list.begin());
    list.push_back(std::move(item));
    return static_cast<std::int32_t>(list.size() - 1);
  }

  LayoutId layout(const Layout& wanted) { return number_of_equal(plan_.layouts, wanted); }
  LayoutId layout_of(NodeId id) { return id == kNone || graph_[id].space == Space() ? kNone : layout(place(id).layout); }

  Program segments(const std::vector<ScheduleItem>& items, const std::vector<AxisId>& nest) {
    Program program;
    for (const ScheduleItem& item : items) {
      Segment segment;
      segment.reason = item.reason;
      if (item.is_scan()) {
        segment.kind = Segment::Kind::kScan;
        segment.axis = item.axis;
        segment.backwards = item.backwards;
        segment.goes_on = item.goes_on;
        segment.nest = nest;
        segment.nest.push_back(item.axis);
        segment.body = segments(item.body, segment.nest);
      }
      for (const NodeId id : item.nodes) add_instructions(id, nest, segment);
      if (item.is_scan() || !segment.instructions.empty()) program.push_back(std::move(segment));
      if (item.is_scan() && nest.empty()) add_lengths_after(item, program);
    }
    return program;
  }

  void add_instructions(NodeId id, const std::vector<AxisId>& nest, Segment& segment) {
    const Role role = graph_[id].kind->role;
    const bool given = role == Role::kInput || role == Role::kParameter;
    if (!given && !absorbed(id) && role != Role::kAlias) segment.instructions.push_back(add(instruction(id, nest)));
    if (nest.empty()) add_lengths(id, segment);
  }

  InstructionId add(Instruction made) {
    plan_.instructions.push_back(std::move(made));
    return static_cast<InstructionId>(plan_.instructions.size() - 1);
  }

  // The lengths of an axis are known as soon as their value is.
  void add_lengths(NodeId id, Segment& segment) {
    for (AxisId axis = 0; axis < static_cast<AxisId>(graph_.axes.size()); ++axis) {
      if (graph_.axes[static_cast<std::size_t>(axis)].length != id || graph_[id].phase != Phase::kForward) continue;
      lengths_waiting_.push_back(axis);
    }
    set_lengths(segment);
  }

  // Of an axis that lies within others once theirs are set.
  void set_lengths(Segment& segment) {
    const auto may_set = [&](AxisId axis) { return are_settled(graph_.within(axis)); };
    for (;;) {
      const auto next = std::find_if(lengths_waiting_.begin(), lengths_waiting_.end(), may_set);
      if (next == lengths_waiting_.end()) return;
      const AxisId axis = *next;
      const NodeId id = graph_.axes[static_cast<std::size_t>(axis)].length;
      lengths_waiting_.erase(next);
      lengths_set_ = lengths_set_.with(axis);
      Instruction made;
      made.op = OpCode::kSetLengths;
      made.node = id;
      made.operands = {{buffer(id), kNone, {}, {}}};
      made.axis = axis;
      made.layout = layout_of(id);
      made.text = "lengths of " + graph_.axes[static_cast<std::size_t>(axis)].name + " = " + graph_[id].name;
      made.reason.kind = Reason::Kind::kLengths;
      made.reason.axis = axis;
      made.reason.text = "lengths of axis " + graph_.axes[static_cast<std::size_t>(axis)].name + " come from a value";
      segment.instructions.push_back(add(std::move(made)));
    }
  }

  bool are_settled(Space space) const {
    for (const AxisId axis : space.axes()) {
      const Axis& of = graph_.axes[static_cast<std::size_t>(axis)];
      if (of.length != kNone && !lengths_set_.has(axis)) return false;
      for (const AxisId from : of.derivation.from) {
        if (!are_settled(graph_.within(from).with(from))) return false;
      }
    }
    return true;
  }

  void add_lengths_after(const ScheduleItem& item, Program& program) {
    Segment segment;
    std::vector<const ScheduleItem*> work{&item};
    while (!work.empty()) {
      const ScheduleItem* inner = work.back();
      work.pop_back();
      for (const NodeId id : inner->nodes) add_lengths(id, segment);
      for (const ScheduleItem& body : inner->body) work.push_back(&body);
    }
    if (!segment.instructions.empty()) program.push_back(std::move(segment));
  }

  Operand operand(NodeId id, LayoutId reader, int depth) {
    Operand read;
    if (absorbed(id)) return looked_up(graph_[id], reader, depth);
    read.buffer = buffer(id);
    const LayoutId source = layout_of(id);
    if (source == kNone || source == reader) return read;
    TableSpec spread;
    spread.reader = reader;
    spread.source = source;
    spread.depth = depth;
    read.table = number_of_equal(plan_.tables, std::move(spread));
    return read;
  }

  // The rows that a move reads, for each point of the reader.
  Operand looked_up(const Node& move, LayoutId reader, int depth) {
    Operand read;
    TableSpec table;
    const bool unmoves = move.kind->role == Role::kUnmove;
    table.kind = move.kind->role == Role::kRemap ? TableSpec::Kind::kRemap : unmoves ? TableSpec::Kind::kUnmove : TableSpec::Kind::kMove;
    table.remap = move.remap;
    table.reader = reader;
    table.source = layout_of(move.operands[0]);
    table.moves = move.moves;
    table.depth = depth;
    read.buffer = buffer(move.operands[0]);
    read.shapes.push_back(move.operands[0] == kNone ? graph_.sizes.resolve(move.shape) : shape(move.operands[0]));
    for (const Outside& outside : move.outsides) {
      const NodeId start = move.operands[static_cast<std::size_t>(outside.operand)];
      read.shapes.push_back(shape(start));
      read.starts.push_back(buffer(start));
      table.starts.push_back(layout_of(start));
      table.outsides.push_back({outside.axis, static_cast<std::int32_t>(read.starts.size()), outside.slots});
    }
    read.table = number_of_equal(plan_.tables, std::move(table));
    return read;
  }

  Instruction instruction(NodeId id, const std::vector<AxisId>& nest) {
    const Node& node = graph_[id];
    Instruction made;
    made.kind = node.kind;
    made.node = id;
    made.results = {{buffer(id)}};
    made.layout = layout_of(id);
    made.depth = static_cast<int>(nest.size());
    made.axis = node.axis;
    made.value = node.value;
    made.counted = node.counted;
    made.text = node.name + " = " + node.text;
    made.reason = schedule_.reasons[static_cast<std::size_t>(id)];
    if (node.again) made.reason.text = "worked out again, from the states that are kept: nothing of forward's is kept for it";
    read_operands(node, made);
    for (const NodeId operand : node.operands) made.reads.push_back(absorbed(operand) ? graph_[operand].operands[0] : operand);
    switch (node.kind->role) {
      case Role::kPoint:
        made.op = OpCode::kPoint;
        break;
      case Role::kLocal:
        made.op = OpCode::kLocal;
        break;
      case Role::kProduct:
        made.op = OpCode::kProduct;
        break;
      case Role::kProductSum:
        made.op = OpCode::kProductSum;
        break;
      case Role::kSumTo:
      case Role::kUnremap:
        made.op = OpCode::kSumTo;
        break;
      case Role::kExtremeAlong:
        made.op = OpCode::kExtremeAlong;
        made.flag = node.kind->finds_least;
        made.give_position = node.kind->gives_position;
        break;
      case Role::kMove:
      case Role::kUnmove:
      case Role::kRemap:
        made.op = OpCode::kMove;
        break;
      case Role::kMoveOutside:
        made.op = OpCode::kMoveOutside;
        break;
      case Role::kIndex:
        made.op = OpCode::kIndex;
        made.flag = number_of(node.attributes, "reversed", 0) != 0;
        break;
      case Role::kLength:
        made.op = OpCode::kLength;
        break;
      case Role::kCount:
        made.op = OpCode::kCount;
        break;
      case Role::kDraw:
        made.op = OpCode::kDraw;
        made.flag = node.kind->draws_normal;
        made.draw_name = draw_name(word_of(node.attributes, "draw", node.name));
        break;
      default:
        made.op = OpCode::kFill;
        break;
    }
    if (plan_.executable) fit_to_shapes(graph_, plan_, made);
    const CostText cost = cost_text(graph_, id);
    made.flops = cost.flops;
    made.bytes = cost.bytes;
    if (made.op == OpCode::kPoint) make_program(made);
    return made;
  }

  // fuse_points joins programs; here each has one op.
  static void make_program(Instruction& made) {
    PointOp op;
    static_cast<Equation&>(op) = made;
    for (std::size_t k = 0; k < made.operands.size(); ++k) op.inputs.push_back(static_cast<std::int32_t>(k));
    made.program.push_back(std::move(op));
  }

  void read_operands(const Node& node, Instruction& made) {
    switch (node.kind->role) {
      case Role::kMove:
      case Role::kUnmove:
      case Role::kRemap:
        made.operands = {looked_up(node, made.layout, made.depth)};
        return;
      case Role::kSumTo:
      case Role::kExtremeAlong:
        group(node, GroupSpec::Kind::kReduce, made);
        return;
      case Role::kMoveOutside:
        group(node, GroupSpec::Kind::kMoveOutside, made);
        return;
      case Role::kUnremap:
        group(node, GroupSpec::Kind::kUnremap, made);
        return;
      case Role::kProductSum:
        made.layout = summed_layout(node);
        break;
      case Role::kDraw:
        return;  // its operands say only where and how large
      default:
        break;
    }
    for (const NodeId id : node.operands) made.operands.push_back(operand(id, made.layout, made.depth));
  }

  // Sums walk over the points of what they read.
  void group(const Node& node, GroupSpec::Kind kind, Instruction& made) {
    made.operands = {{buffer(node.operands[0]), kNone, {}, {}}};
    const LayoutId source = layout_of(node.operands[0]);
    if (kind == GroupSpec::Kind::kReduce && made.layout == kNone) {
      made.layout = source;
      return;
    }
    GroupSpec spec;
    spec.kind = kind;
    spec.result = made.layout;
    spec.source = source;
    spec.remap = node.remap;
    if (kind == GroupSpec::Kind::kMoveOutside) {
      spec.moves = node.moves;
      spec.outside = node.outsides[0].axis;
      spec.slots = node.outsides[0].slots;
      spec.may_leave = moved_axes(node);
    }
    made.group = number_of_equal(plan_.groups, std::move(spec));
  }

  // Axes of the value that was moved: those of the points that read it, and those whose end was read.
  std::vector<AxisId> moved_axes(const Node& node) const {
    Space space = graph_[node.operands[0]].space;
    for (const Move& move : node.moves) space = space.with(move.axis);
    return space.axes();
  }

  // A sum of products runs over the points of the operand that varies along most axes.
  LayoutId summed_layout(const Node& node) {
    const Space both = graph_[node.operands[0]].space | graph_[node.operands[1]].space;
    if (both == Space()) return kNone;
    for (const std::size_t k : {std::size_t{1}, std::size_t{0}}) {
      if (graph_[node.operands[k]].space == both) return layout_of(node.operands[k]);
    }
    return layout({both, {}, both.axes()});
  }

  const Shape& shape(NodeId id) const { return plan_.nodes[static_cast<std::size_t>(id)].shape; }

  const Graph& graph_;
  const Schedule& schedule_;
  const std::vector<Placement>& placements_;
  const std::vector<NodeId>& keep_;
  std::vector<bool> absorbed_;
  std::vector<AxisId> lengths_waiting_;  // their values are there, not the lengths of what they lie within
  Space lengths_set_;
  Plan plan_;
};

}  // namespace

Plan lower(const Graph& graph, const Schedule& schedule, const std::vector<Placement>& placements, const std::vector<NodeId>& keep) {
  return Lowering(graph, schedule, placements, keep).run();
}

}  // namespace tapeloop
