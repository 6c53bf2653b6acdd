#include <fmt/format.h>

#include "compiler/dump.h"
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
      if (segment.kind == Segment::Kind::kScan) {
        box("scan " + plan_.axes[static_cast<std::size_t>(segment.axis)].name + (segment.backwards ? " backwards" : " forwards"),
            segment.body);
      }
      for (const InstructionId id : segment.instructions) {
        const Instruction& made = plan_.instructions[static_cast<std::size_t>(id)];
        if (made.result != kNone) out_ += fmt::format("  n{} [label=\"{}\"];\n", made.node, escaped(made.text));
      }
    }
    out_ += "  }\n";
  }

  void reads(const Instruction& made) {
    if (made.result == kNone) return;
    for (std::size_t k = 0; k < made.reads.size(); ++k) {
      if (made.reads[k] == kNone) continue;
      const bool table = k < made.operands.size() && made.operands[k].table != kNone;
      const bool tapped = table && plan_.tables[static_cast<std::size_t>(made.operands[k].table)].kind != TableSpec::Kind::kSpread;
      out_ += fmt::format("  n{} -> n{}{};\n", made.reads[k], made.node, tapped ? " [style=dashed]" : "");
    }
  }

  const Plan& plan_;
  std::string out_;
  int clusters_ = 0;
};

}  // namespace

std::string dump_dot(const Plan& plan) { return DotDump(plan).run(); }

}  // namespace tapeloop
