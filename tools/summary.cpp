// tapeloop summary MODEL: what goes in, what is learned, what comes out.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "models/facade/checkpoint.h"
#include "models/facade/json_text.h"
#include "models/facade/model.h"
#include "runtime/held_bytes.h"
#include "tools/commands.h"
#include "tools/report.h"

namespace tapeloop::tool {
namespace {

// One value of the model, as a line of the table or an object of the JSON.
struct Line {
  std::string what, name, axes, shape, type;
  std::int64_t numbers = 0;  // of a parameter; 0 while a size is free
};

std::string axes_text(const Graph& graph, Space space) {
  std::string text;
  for (const AxisId axis : space.axes()) text += (text.empty() ? "" : ", ") + graph.axes[static_cast<std::size_t>(axis)].name;
  return "[" + text + "]";
}

Line line_of(const std::string& what, const std::string& name, const Graph& graph, const Node& node) {
  const Shape shape = graph.sizes.resolve(node.shape);
  const std::int64_t numbers = what == "parameter" && is_known(shape) ? elements(shape) : 0;
  return {what, name, axes_text(graph, node.space), graph.sizes.text(shape), type_name(node.type), numbers};
}

std::vector<Line> lines_of(const Graph& graph) {
  std::vector<Line> lines;
  for (const Role role : {Role::kInput, Role::kParameter}) {
    for (const Node& node : graph.nodes) {
      if (node.kind->role == role) lines.push_back(line_of(role == Role::kInput ? "input" : "parameter", node.name, graph, node));
    }
  }
  for (const OutputRef& output : graph.outputs) lines.push_back(line_of("output", output.name, graph, graph[output.node]));
  for (const LossTerm& term : graph.losses) lines.push_back(line_of("loss", graph[term.value].name, graph, graph[term.value]));
  return lines;
}

std::size_t count_scans(const Program& program) {
  std::size_t count = 0;
  for (const Segment& segment : program) {
    count += (segment.kind == Segment::Kind::kScan ? 1 : 0) + count_scans(segment.body);
  }
  return count;
}

constexpr std::int64_t kSteps = 1000;

// What a training step holds of one example of kSteps steps, whole and in chunks; not known where a size is free, or of a model
// that is not for it. by_scan: in chunks of each scan, as the model is not causal.
struct Held {
  std::optional<std::int64_t> whole, chunks;
  bool by_scan = false;
  std::string refused;  // why the model is not for chunks at all
};

Held held(const Model& model) {
  Held found;
  CompileOptions options;
  Diagnostics not_causal, unheard;
  const HeldBytes one{1, kSteps, sizeof(float)};
  found.whole = held_bytes(model.compile(options).plan, one);
  const ChunkPlans plans = compile_chunks(model, options, false, not_causal);
  if (plans.chunk) {
    if (found.whole) found.chunks = held_bytes(plans, one);
  } else if (const std::shared_ptr<const Plan> again = compile_recomputing(model, options, unheard)) {
    found.by_scan = true;
    found.chunks = held_bytes(*again, one);
  } else {
    for (const Diagnostic& diagnostic : not_causal.sorted()) {
      if (found.refused.empty() && diagnostic.severity == Severity::kError) found.refused = diagnostic.message;
    }
  }
  return found;
}

std::string held_text(const Held& held) {
  if (!held.whole) return "";
  std::string chunks = held.refused.empty() ? "" : fmt::format("; no train.memory.checkpoint: {}", held.refused);
  if (held.chunks) {
    chunks = fmt::format("; in chunks{} (train.memory.checkpoint: auto) {}", held.by_scan ? " of each scan" : "", *held.chunks);
  }
  return fmt::format("bytes that training holds of an example of {} steps: {}{}\n", kSteps, *held.whole, chunks);
}

std::string json_number(const std::optional<std::int64_t>& number) { return number ? std::to_string(*number) : "null"; }

}  // namespace

int summary_command(const Request& request) {
  CompileOptions options;
  options.mode = mode_of(request.mode);
  const Model model = Model::load(request.model, request.key_values);
  const Compiled compiled = model.compile(options);
  const std::vector<Line> lines = lines_of(compiled.graph);
  std::int64_t learned = 0;
  bool free = false;
  for (const Line& line : lines) {
    learned += line.numbers;
    free = free || (line.what == "parameter" && line.numbers == 0);
  }
  const std::size_t forward = count_scans(compiled.plan.forward), backward = count_scans(compiled.plan.backward);
  const Held bytes = held(model);
  if (request.json) {
    std::string values;
    for (const Line& line : lines) {
      values += fmt::format("{}{{\"what\": {}, \"name\": {}, \"axes\": {}, \"shape\": {}, \"type\": {}}}", values.empty() ? "" : ", ",
                            json_quoted(line.what), json_quoted(line.name), json_quoted(line.axes), json_quoted(line.shape),
                            json_quoted(line.type));
    }
    print_result(
        fmt::format("{{\"model\": {}, \"values\": [{}], \"parameters\": {}, \"scans\": {{\"forward\": {}, \"backward\": {}}}, \"held\": "
                    "{{\"steps\": {}, \"bytes\": {}, \"in_chunks\": {}}}}}",
                    json_quoted(request.model), values, free ? "null" : std::to_string(learned), forward, backward, kSteps,
                    json_number(bytes.whole), json_number(bytes.chunks)));
    return kDone;
  }
  std::vector<std::vector<std::string>> rows{{"", "name", "axes", "shape", "type"}};
  for (const Line& line : lines) rows.push_back({line.what, line.name, line.axes, line.shape, line.type});
  print_result(table(rows) +
               (free ? std::string("numbers to learn: not known while a size is free") : fmt::format("numbers to learn: {}", learned)) +
               fmt::format("\nscans: {} forward, {} backward\n", forward, backward) + held_text(bytes));
  return kDone;
}

}  // namespace tapeloop::tool
