// tapeloop summary MODEL: what goes in, what is learned, what comes out.
#include <fmt/format.h>

#include <algorithm>

#include "models/facade/json_text.h"
#include "models/facade/model.h"
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
  if (graph.loss != kNone) lines.push_back(line_of("loss", graph[graph.loss].name, graph, graph[graph.loss]));
  return lines;
}

std::size_t count_scans(const Program& program) {
  std::size_t count = 0;
  for (const Segment& segment : program) {
    if (segment.kind == Segment::Kind::kScan) count += 1 + count_scans(segment.body);
  }
  return count;
}

}  // namespace

int summary_command(const Request& request) {
  CompileOptions options;
  options.mode = mode_of(request.mode);
  const Compiled compiled = Model::load(request.model, request.key_values).compile(options);
  const std::vector<Line> lines = lines_of(compiled.graph);
  std::int64_t learned = 0;
  bool free = false;
  for (const Line& line : lines) {
    learned += line.numbers;
    free = free || (line.what == "parameter" && line.numbers == 0);
  }
  const std::size_t forward = count_scans(compiled.plan.forward), backward = count_scans(compiled.plan.backward);
  if (request.json) {
    std::string values;
    for (const Line& line : lines) {
      values += fmt::format("{}{{\"what\": {}, \"name\": {}, \"axes\": {}, \"shape\": {}, \"type\": {}}}", values.empty() ? "" : ", ",
                            json_quoted(line.what), json_quoted(line.name), json_quoted(line.axes), json_quoted(line.shape),
                            json_quoted(line.type));
    }
    print_result(fmt::format("{{\"model\": {}, \"values\": [{}], \"parameters\": {}, \"scans\": {{\"forward\": {}, \"backward\": {}}}}}",
                             json_quoted(request.model), values, free ? "null" : std::to_string(learned), forward, backward));
    return kDone;
  }
  std::vector<std::vector<std::string>> rows{{"", "name", "axes", "shape", "type"}};
  for (const Line& line : lines) rows.push_back({line.what, line.name, line.axes, line.shape, line.type});
  print_result(table(rows) +
               (free ? std::string("numbers to learn: not known while a size is free") : fmt::format("numbers to learn: {}", learned)) +
               fmt::format("\nscans: {} forward, {} backward\n", forward, backward));
  return kDone;
}

}  // namespace tapeloop::tool
