#include <fmt/format.h>

#include "compiler/dump.h"
#include "compiler/plan_lines.h"
#include "core/kind.h"

namespace tapeloop {
namespace {

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

// Scans are boxes around their instructions; taps are dashed.
class DotDump {
 public:
  explicit DotDump(const Plan& plan) : plan_(plan) {}

  std::string run() {
    out_ = "digraph \"" + escaped(plan_.model) + "\" {\n  rankdir=LR;\n  node [shape=box, fontname=\"monospace\", fontsize=10];\n";
    for (const NodeId id : plan_.inputs) given(id, "lightblue");
    for (const NodeId id : plan_.seeds) given(id, "lightblue");
    for (const NodeId id : plan_.parameters) given(id, "khaki");
    box("forward", plan_.forward);
    if (!plan_.backward.empty()) box("backward", plan_.backward);
    for (const Instruction& made : plan_.instructions) reads(made);
    return out_ + "}\n";
  }

 private:
  void given(NodeId id, const char* colour) {
    out_ += fmt::format("  n{} [label=\"{}\", style=filled, fillcolor={}];\n", id, escaped(plan_.value(id).name), colour);
  }

  void box(const std::string& label, const Program& segments) {
    out_ += fmt::format("  subgraph cluster_{} {{\n  label=\"{}\";\n", clusters_++, escaped(label));
    for (const Segment& segment : segments) {
      if (segment.kind != Segment::Kind::kBulk) {
        box((segment.kind == Segment::Kind::kScan ? "scan " : "strips of ") + plan_.axes[static_cast<std::size_t>(segment.axis)].name +
                (segment.backwards ? " backwards" : " forwards"),
            segment.body);
      }
      for (const InstructionId id : segment.instructions) {
        const Instruction& made = plan_.instructions[static_cast<std::size_t>(id)];
        if (made.results.empty()) continue;
        for (const PlanLine& line : lines_of(made)) {
          out_ += fmt::format("  n{} [label=\"{}\"];\n", line.equation->node, escaped(line.equation->text));
        }
      }
    }
    out_ += "  }\n";
  }

  void reads(const Instruction& made) {
    if (made.results.empty()) return;
    for (const PlanLine& line : lines_of(made)) {
      for (const PlanLine::Read& read : line.reads) {
        if (read.node == kNone) continue;
        const bool table = read.operand && read.operand->table != kNone;
        const bool tapped = table && plan_.tables[static_cast<std::size_t>(read.operand->table)].kind != TableSpec::Kind::kSpread;
        out_ += fmt::format("  n{} -> n{}{};\n", read.node, line.equation->node, tapped ? " [style=dashed]" : "");
      }
    }
  }

  const Plan& plan_;
  std::string out_;
  int clusters_ = 0;
};

}  // namespace

std::string dump_dot(const Plan& plan) { return DotDump(plan).run(); }

}  // namespace tapeloop
