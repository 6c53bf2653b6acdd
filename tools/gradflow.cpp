// tapeloop gradflow MODEL: does a gradient flow from one value to another, by which way, and how large is it along the axis?
#include "models/facade/gradflow.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "models/facade/json_text.h"
#include "runtime/training/atomic_file.h"
#include "tools/commands.h"
#include "tools/heat_map.h"
#include "tools/report.h"
#include "tools/training_lines.h"

namespace tapeloop::tool {
namespace {

constexpr std::size_t kColumns = 9;  // positions that the table shows
constexpr std::size_t kEnds = 5;     // steps of a long way that are shown at each of its ends

std::string number(const std::optional<double>& value) {
  if (!value) return "";
  return *value == 0 ? "0" : fmt::format("{:.1e}", *value);
}

std::string step_text(const FlowStep& step) { return step.value + (step.via.empty() ? "" : fmt::format(" via {}", step.via)); }

std::string path_text(const std::vector<FlowStep>& path) {
  std::vector<std::string> parts;
  for (std::size_t k = 0; k < path.size(); ++k) {
    if (path.size() > 2 * kEnds + 2 && k >= kEnds && k + kEnds < path.size()) {
      if (k == kEnds) parts.push_back(fmt::format(".. {} more ..", path.size() - 2 * kEnds));
      continue;
    }
    parts.push_back(step_text(path[k]));
  }
  return fmt::format("{}", fmt::join(parts, " <- "));
}

std::string link_text(const GradientLink& link, bool estimated) {
  std::string text;
  if (!std::isfinite(link.norm)) {
    text = fmt::format("the gradient from {} to {} is not finite\n  {}\n", link.from, link.to, path_text(link.path));
  } else if (link.flows()) {
    text = fmt::format("a gradient flows from {} to {}: norm {:.6g}{}\n  {}\n", link.from, link.to, link.norm,
                       estimated ? ", estimated (--exact)" : "", path_text(link.path));
  } else {
    text = fmt::format("no gradient flows from {} to {}\n", link.from, link.to);
    if (!link.path.empty()) text += "  " + path_text(link.path) + "\n";
  }
  return text + (link.why.empty() ? "" : fmt::format("  {}: {}\n", link.flows() ? "note" : "why", link.why));
}

std::string not_finite_text(const Gradflow& flow) {
  if (flow.not_finite.empty()) return "";
  return fmt::format(
      "not finite: {}\n  help: feed numbers for which it is (--feed), weights that were trained (--weights), or keep the equation from "
      "them, "
      "such as log(max(x, 1e-6))\n",
      flow.not_finite);
}

// Evenly over all positions, the first and the last among them.
std::vector<std::size_t> shown_positions(std::size_t count) {
  std::vector<std::size_t> result;
  const std::size_t columns = std::min(kColumns, count);
  for (std::size_t k = 0; k < columns; ++k) result.push_back(columns == 1 ? 0 : k * (count - 1) / (columns - 1));
  return result;
}

std::vector<std::string> cells(const ValueNorms& value, const std::vector<std::size_t>& positions) {
  std::vector<std::string> row{value.name};
  for (const std::size_t position : positions) row.push_back(position < value.norms.size() ? number(value.norms[position]) : "");
  if (!positions.empty()) row.push_back(value.step ? fmt::format("x{:.3g}", *value.step) : "");
  row.push_back(number(value.whole));
  return row;
}

// A table for each axis, then one of what has none.
std::string picture_text(const Gradflow& flow) {
  std::string text;
  for (std::size_t begin = 0; begin < flow.values.size();) {
    std::size_t end = begin, longest = 0;
    for (; end < flow.values.size() && flow.values[end].axis == flow.values[begin].axis; ++end) {
      longest = std::max(longest, flow.values[end].norms.size());
    }
    const std::vector<std::size_t> positions = shown_positions(longest);
    std::vector<std::vector<std::string>> rows{{"d " + flow.from + " / d"}};
    for (const std::size_t position : positions) rows[0].push_back(fmt::format("{}={}", flow.values[begin].axis, position));
    if (!positions.empty()) rows[0].emplace_back("a step back");
    rows[0].emplace_back("whole");
    for (; begin < end; ++begin) rows.push_back(cells(flow.values[begin], positions));
    text += (text.empty() ? "" : "\n") + table(rows);
  }
  if (!flow.estimated) return text;
  return text + fmt::format("estimated from {} random mixtures of the entries; --exact takes each by itself\n", kGradflowProbes);
}

// A line for each value and position; without the axis the position is empty.
std::string picture_csv(const Gradflow& flow) {
  std::string text = "value,axis,position,norm\n";
  for (const ValueNorms& value : flow.values) {
    if (value.norms.empty()) text += fmt::format("{},,,{:.17g}\n", value.name, value.whole.value_or(0));
    for (std::size_t k = 0; k < value.norms.size(); ++k) {
      if (value.norms[k]) text += fmt::format("{},{},{},{:.17g}\n", value.name, value.axis, k, *value.norms[k]);
    }
  }
  return text;
}

HeatMap heat_map(const Gradflow& flow) {
  HeatMap map;
  map.title = fmt::format("norm of d {} / d value", flow.from);
  map.under = "positions from 0; what has no axis in its first cell";
  for (const ValueNorms& value : flow.values) {
    const std::string axis = value.axis.empty() ? "" : fmt::format(" [{}]", value.axis);
    map.rows.push_back({value.name + axis, value.axis.empty() ? std::vector{value.whole} : value.norms});
  }
  return map;
}

std::string json_of(const std::optional<double>& value) { return value ? json_number(*value) : "null"; }

std::string link_json(const GradientLink& link) {
  std::string path;
  for (const FlowStep& step : link.path) {
    path += fmt::format("{}{{\"value\": {}, \"via\": {}, \"source\": {}}}", path.empty() ? "" : ", ", json_quoted(step.value),
                        json_quoted(step.via), json_quoted(step.source));
  }
  return fmt::format("{{\"from\": {}, \"to\": {}, \"flows\": {}, \"norm\": {}, \"path\": [{}], \"why\": {}}}", json_quoted(link.from),
                     json_quoted(link.to), link.flows(), json_number(link.norm), path, json_quoted(link.why));
}

std::string as_json(const Gradflow& flow) {
  std::string values;
  for (const ValueNorms& value : flow.values) {
    std::string norms;
    for (const std::optional<double>& norm : value.norms) norms += (norms.empty() ? "" : ", ") + json_of(norm);
    values += fmt::format("{}{{\"name\": {}, \"source\": {}, \"axis\": {}, \"whole\": {}, \"norms\": [{}], \"step\": {}}}",
                          values.empty() ? "" : ", ", json_quoted(value.name), json_quoted(value.source), json_quoted(value.axis),
                          json_of(value.whole), norms, json_of(value.step));
  }
  return fmt::format("{{\"from\": {}, \"estimated\": {}, \"not_finite\": {}, \"link\": {}, \"values\": [{}]}}", json_quoted(flow.from),
                     flow.estimated, json_quoted(flow.not_finite), flow.link ? link_json(*flow.link) : "null", values);
}

}  // namespace

int gradflow_command(const GradflowRequest& request) {
  GradflowOptions options;
  options.weights = request.weights;
  const std::optional<Asked> asked = asked_model(request, options.weights);
  if (!asked) return kUsage;
  const Model model = Model::load(asked->model, asked->key_values);
  options.mode = mode_of(request.mode);
  options.from = request.from;
  options.to = request.to;
  options.along = request.along;
  options.seed = request.seed;
  options.rows = request.rows;
  options.length = request.length;
  options.exact = request.exact;
  Feed feed;
  if (!request.feed.empty()) {
    feed = read_feed(request.feed);
    options.feed = &feed;
  }
  const Gradflow flow = gradient_flow(model, options);
  if (!request.csv.empty()) write_file_atomically(request.csv, picture_csv(flow));
  if (!request.svg.empty()) write_file_atomically(request.svg, svg(heat_map(flow)));
  if (request.json) {
    print_result(as_json(flow));
  } else if (flow.link) {
    print_result(link_text(*flow.link, flow.estimated) + not_finite_text(flow));
  } else {
    print_result(picture_text(flow) + not_finite_text(flow));
  }
  return kDone;
}

}  // namespace tapeloop::tool
