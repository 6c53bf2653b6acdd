#include "compiler/dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "compiler/plan_lines.h"
#include "core/builder.h"
#include "core/kind.h"

namespace tapeloop {
namespace {

constexpr std::size_t kWidestEquation = 72;  // longer equations push the columns of their own line only

std::string axis_name(const Plan& plan, AxisId axis) { return plan.axes[static_cast<std::size_t>(axis)].name; }

std::string space_text(const Plan& plan, Space space) {
  if (space == Space()) return "P";
  std::string text = "[";
  for (const AxisId axis : space.axes()) text += (text.size() > 1 ? ", " : "") + axis_name(plan, axis);
  return text + "]";
}

// One table of lines: the equation on the left, the columns lined up behind it.
class TextDump {
 public:
  TextDump(const Plan& plan, const DumpOptions& options) : plan_(plan), options_(options) {}

  std::string run() {
    header();
    program("forward", plan_.forward);
    if (!plan_.backward.empty()) program("backward", plan_.backward);
    return out_;
  }

 private:
  void header() {
    out_ += "plan of " + plan_.model + "\n";
    for (const NodeId id : plan_.inputs) declared("input", id);
    for (const NodeId id : plan_.seeds) declared("cotangent", id);
    for (const NodeId id : plan_.parameters) declared("parameter", id);
    for (const OutputRef& output : plan_.outputs) {
      const PlanValue& value = plan_.value(output.node);
      const std::string as = value.name == output.name ? "" : " = " + value.name;
      out_ += fmt::format("  output     {}{} on {} {}\n", output.name, as, space_text(plan_, value.space), plan_.sizes.text(value.shape));
    }
    if (!plan_.free_sizes.empty()) out_ += fmt::format("  free sizes {}\n", fmt::join(plan_.free_sizes, ", "));
    std::size_t taped = 0;
    for (const Buffer& buffer : plan_.buffers) taped += buffer.taped && buffer.kind == Buffer::Kind::kValue;
    out_ += fmt::format("  buffers    {} for {} instructions; on the tape: {}\n", plan_.buffers.size(), plan_.instructions.size(), taped);
    out_ += "columns: equation | axes | shape | flops and bytes of one point" + std::string(options_.source ? " | source" : "") +
            " | why it stands there" + (has_programs() ? "; lines held together by / | \\ are one pass over memory" : "") + "\n";
  }

  bool has_programs() const {
    const auto is_program = [](const Instruction& made) { return made.program.size() > 1; };
    return std::any_of(plan_.instructions.begin(), plan_.instructions.end(), is_program);
  }

  void declared(const char* what, NodeId id) {
    const PlanValue& value = plan_.value(id);
    const std::string type = value.type == Type::kFloat ? "" : std::string(" ") + type_name(value.type);
    const std::string on = value.space == Space() ? "" : " on " + space_text(plan_, value.space);
    out_ += fmt::format("  {:<10} {}{} {}{}\n", what, value.name, on, plan_.sizes.text(value.shape), type);
  }

  void program(const char* name, const Program& segments) {
    out_ += std::string(name) + "\n";
    lines(segments, 1, name);
  }

  void lines(const Program& segments, int depth, const std::string& phase, bool in_strips = false) {
    for (const Segment& segment : segments) {
      const std::string indent(static_cast<std::size_t>(2 * depth), ' ');
      if (segment.kind == Segment::Kind::kScan) {
        out_ += fmt::format("{}scan {} {}: {}\n", indent, axis_name(plan_, segment.axis), segment.backwards ? "backwards" : "forwards",
                            segment.reason);
        if (options_.step) pseudo_code(segment, depth + 1);
        lines(segment.body, depth + 1, phase);
        continue;
      }
      if (segment.kind == Segment::Kind::kStrips) {
        out_ += fmt::format("{}strips of {} {}: {}\n", indent, axis_name(plan_, segment.axis),
                            segment.backwards ? "from last to first" : "in order", segment.reason);
        lines(segment.body, depth + 1, phase, true);
        continue;
      }
      out_ += indent + (depth > 1 && !in_strips ? "step\n" : segment.whole() ? "once for all shards\n" : "bulk\n");
      table(segment.instructions, indent + "  ");
    }
  }

  void table(const std::vector<InstructionId>& ids, const std::string& indent) {
    std::vector<std::pair<std::string, const Equation*>> rows;
    const auto is_program = [&](InstructionId id) { return instruction(id).program.size() > 1; };
    const bool programs = std::any_of(ids.begin(), ids.end(), is_program);
    for (const InstructionId id : ids) {
      const std::vector<PlanLine> lines = lines_of(instruction(id));
      for (std::size_t k = 0; k < lines.size(); ++k) {
        rows.emplace_back((programs ? mark(k, lines.size()) : "") + lines[k].equation->text, lines[k].equation);
      }
    }
    std::size_t width = 0;
    for (const auto& [text, equation] : rows) {
      if (text.size() <= kWidestEquation) width = std::max(width, text.size());
    }
    for (const auto& [text, equation] : rows) {
      const PlanValue& value = plan_.value(equation->node);
      out_ += fmt::format("{}{:<{}} | {} | {} | {} flops, {} bytes", indent, text, width, space_text(plan_, value.space),
                          plan_.sizes.text(value.shape), equation->flops.empty() ? "0" : equation->flops,
                          equation->bytes.empty() ? "0" : equation->bytes);
      if (options_.source) out_ += " | " + value.source.text(false);
      out_ += " | " + equation->reason.text + "\n";
    }
  }

  // Lines of one program are held together on the left.
  static std::string mark(std::size_t line, std::size_t lines) {
    if (lines == 1) return "  ";
    return line == 0 ? "/ " : line + 1 < lines ? "| " : "\\ ";
  }

  const Instruction& instruction(InstructionId id) const { return plan_.instructions[static_cast<std::size_t>(id)]; }

  // The generated step function, as one would write it by hand.
  void pseudo_code(const Segment& scan, int depth) {
    const std::string indent(static_cast<std::size_t>(2 * depth), ' ');
    std::string positions;
    for (const AxisId axis : scan.nest) positions += (positions.empty() ? "" : ", ") + axis_name(plan_, axis);
    out_ += fmt::format("{}step({}):  # for the rows alive at {}\n", indent, positions, positions);
    for (const Segment& part : scan.body) {
      if (part.kind == Segment::Kind::kScan) {
        out_ += fmt::format("{}  for {} {}: step({}, {})\n", indent, axis_name(plan_, part.axis),
                            part.backwards ? "from last to first" : "in order", positions, axis_name(plan_, part.axis));
        continue;
      }
      for (const InstructionId id : part.instructions) {
        const Instruction& made = instruction(id);
        for (const PlanLine& line : lines_of(made)) out_ += indent + "  " + statement(made, line, scan.nest) + "\n";
      }
    }
  }

  std::string statement(const Instruction& made, const PlanLine& line, const std::vector<AxisId>& nest) {
    const PlanValue& value = plan_.value(line.equation->node);
    const NodeKind* kind = line.equation->kind;
    std::string text = value.name + at(value.space, nest) + " = ";
    std::string symbol = kind ? std::string(kind->symbol) : "";
    if (symbol == "neg") symbol = "";
    const std::size_t reads = made.op == OpCode::kPoint ? line.reads.size() : made.operands.size();
    if (reads == 2 && !symbol.empty()) return text + read(line.reads[0], nest) + " " + symbol + " " + read(line.reads[1], nest);
    text += kind ? std::string(kind->name) : op_name(made.op);
    text += "(";
    for (std::size_t k = 0; k < reads; ++k) text += (k ? ", " : "") + read(line.reads[k], nest);
    return text + ")";
  }

  std::string at(Space space, const std::vector<AxisId>& nest) const {
    std::string text;
    for (const AxisId axis : space.axes()) {
      const bool open = std::find(nest.begin(), nest.end(), axis) != nest.end();
      text += (text.empty() ? "" : ", ") + (open ? axis_name(plan_, axis) : ":");
    }
    return text.empty() ? "" : "[" + text + "]";
  }

  std::string read(const PlanLine::Read& read, const std::vector<AxisId>& nest) const {
    const NodeId id = read.node;
    const bool zeros = id == kNone || (read.operand && read.operand->buffer == kNone);
    const std::string name = zeros ? "0" : name_of(id);
    const std::string here = id == kNone ? "" : at(plan_.value(id).space, nest);
    if (!read.operand || read.operand->table == kNone) return name + here;
    const Operand& operand = *read.operand;
    const TableSpec& table = plan_.tables[static_cast<std::size_t>(operand.table)];
    if (table.kind == TableSpec::Kind::kSpread) return name + here;
    if (table.kind == TableSpec::Kind::kRemap) return name + "[" + place_text(plan_.axes, table.remap) + "]";
    std::string text;
    for (const Move& move : table.moves) {
      const std::string base = move.from == Move::From::kHere    ? axis_name(plan_, move.axis)
                               : move.from == Move::From::kStart ? "first"
                                                                 : "end";
      const std::int32_t offset = table.kind == TableSpec::Kind::kMove ? move.offset : -move.offset;
      text += (text.empty() ? "" : ", ") + base + (offset > 0 ? "+" : "") + (offset ? std::to_string(offset) : "");
    }
    const bool may_start = table.kind == TableSpec::Kind::kMove && !operand.starts.empty();
    return name + "[" + text + (may_start ? " or start]" : " or 0]");
  }

  // Constants by their number, cotangents as what they are, all else by name.
  std::string name_of(NodeId id) const {
    const PlanValue& value = plan_.value(id);
    const bool constant = value.is_part && value.space == Space() && !value.text.empty() &&
                          value.text.find_first_not_of("0123456789.-e") == std::string::npos;
    const bool seed = std::find(plan_.seeds.begin(), plan_.seeds.end(), id) != plan_.seeds.end();
    return constant || seed ? value.text : value.name;
  }

  const Plan& plan_;
  const DumpOptions& options_;
  std::string out_;
};

}  // namespace

std::string dump_text(const Plan& plan, const DumpOptions& options) { return TextDump(plan, options).run(); }

std::string dump_graph(const Graph& graph, const DumpOptions& options) {
  std::string out;
  for (const Phase phase : {Phase::kForward, Phase::kBackward}) {
    for (NodeId id = 0; id < graph.size(); ++id) {
      const Node& node = graph[id];
      if (node.phase != phase) continue;
      const std::string on = node.space == Space() ? "P" : graph.text(node.space);
      out += fmt::format("{} = {} | {} | {} | {}", node.name, node.text.empty() ? std::string(node.kind->name) : node.text, on,
                         graph.sizes.text(node.shape), node.kind->name);
      if (options.source) out += " | " + node.source.text(false);
      out += "\n";
    }
  }
  return out;
}

const char* op_name(OpCode op) {
  switch (op) {
    case OpCode::kPoint:
      return "point";
    case OpCode::kLocal:
      return "local";
    case OpCode::kPack:
      return "pack";
    case OpCode::kProduct:
      return "product";
    case OpCode::kProductSum:
      return "product_sum";
    case OpCode::kSumTo:
      return "sum_to";
    case OpCode::kExtremeAlong:
      return "extreme_along";
    case OpCode::kMove:
      return "move";
    case OpCode::kMoveOutside:
      return "move_outside";
    case OpCode::kIndex:
      return "index";
    case OpCode::kLength:
      return "length";
    case OpCode::kCount:
      return "count";
    case OpCode::kDraw:
      return "draw";
    case OpCode::kFill:
      return "fill";
    case OpCode::kSetLengths:
      return "set_lengths";
  }
  return "";
}

}  // namespace tapeloop
