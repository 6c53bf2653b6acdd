#include "tests/compiler/compiled.h"

#include <filesystem>
#include <optional>
#include <stdexcept>

#include "compiler/frontend/container_reader.h"
#include "models/facade/model.h"

namespace tapeloop {
namespace {

Container container_of(const std::string& text, Diagnostics& diagnostics) {
  std::optional<Container> container = read_container(text, "model.yaml", "", diagnostics);
  raise_errors(diagnostics);
  return *container;
}

}  // namespace

Compiled compile_text(const std::string& text, CompileOptions options) {
  Diagnostics diagnostics;
  return Model(container_of(text, diagnostics)).compile(std::move(options));
}

Compiled compile_file(const std::string& path, CompileOptions options) {
  return Model::load((std::filesystem::path(TAPELOOP_SOURCE_DIR) / path).string()).compile(std::move(options));
}

std::vector<std::string> codes_of(const std::string& text) {
  std::vector<std::string> codes;
  try {
    compile_text(text);
  } catch (const ModelError& error) {
    for (const Diagnostic& diagnostic : error.list()) codes.push_back(diagnostic.code);
  }
  return codes;
}

std::string message_of(const std::string& text) {
  try {
    compile_text(text);
  } catch (const ModelError& error) {
    return error.list().empty() ? "" : format(error.list().front());
  }
  return "";
}

std::string nest_of(const Plan& plan, const Program& program) {
  std::string text;
  for (const Segment& segment : program) {
    if (segment.kind != Segment::Kind::kScan) continue;
    text += (text.empty() ? "" : " ") + plan.axes[static_cast<std::size_t>(segment.axis)].name + (segment.backwards ? "<" : ">");
    const std::string inner = nest_of(plan, segment.body);
    if (!inner.empty()) text += "(" + inner + ")";
  }
  return text;
}

namespace {

void collect(const Plan& plan, const Program& program, OpCode op, std::vector<std::string>& names) {
  for (const Segment& segment : program) {
    for (const InstructionId id : segment.instructions) {
      const Instruction& made = plan.instructions[static_cast<std::size_t>(id)];
      if (made.op == op) names.push_back(plan.value(made.node).text);
    }
    collect(plan, segment.body, op, names);
  }
}

}  // namespace

Places places_of(const Plan& plan, const Program& program, OpCode op) {
  Places places;
  bool scanned = false;
  for (const Segment& segment : program) {
    const bool scan = segment.kind == Segment::Kind::kScan;
    collect(plan, {segment}, op, scan ? places.inside : scanned ? places.after : places.before);
    scanned = scanned || scan;
  }
  return places;
}

}  // namespace tapeloop
