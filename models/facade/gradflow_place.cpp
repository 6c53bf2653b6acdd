#include "models/facade/gradflow_place.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <numeric>
#include <optional>

namespace tapeloop {
namespace {

constexpr const char* kForm = "write NAME[axis=position, ..][index, ..], such as h, x[t=2], y[example=0, t=-1] or h[t=3][5]";

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value) : std::nullopt;
}

class Reader {
 public:
  Reader(const std::string& text, const std::string& option, const Graph& graph, Diagnostics& diagnostics)
      : graph_(graph), diagnostics_(diagnostics), source_{std::make_shared<const std::string>(option + " " + text), 0, 0} {
    place_.text = text;
  }

  GradientPlace read() {
    std::size_t at = std::min(place_.text.find('['), place_.text.size());
    place_.name = trimmed(place_.text.substr(0, at));
    while (at < place_.text.size() && !failed_) {
      const std::size_t end = place_.text.find(']', at);
      if (place_.text[at] != '[' || end == std::string::npos) {
        fail(fmt::format("'{}' is no value at a position", place_.text), kForm);
        break;
      }
      group(place_.text.substr(at + 1, end - at - 1));
      at = std::min(place_.text.find_first_not_of(' ', end + 1), place_.text.size());
    }
    if (!failed_) resolve();
    return place_;
  }

 private:
  void fail(const std::string& message, const std::string& help, const char* code = "E0921") {
    failed_ = true;
    diagnostics_.error(code, source_, message, help);
  }

  void group(const std::string& inside) {
    for (std::size_t begin = 0; begin <= inside.size() && !failed_;) {
      const std::size_t end = std::min(inside.find(',', begin), inside.size());
      const std::string item = trimmed(inside.substr(begin, end - begin));
      const std::size_t equals = item.find('=');
      const auto value = number(trimmed(equals == std::string::npos ? item : item.substr(equals + 1)));
      if (!value) {
        fail(fmt::format("'{}' is no position: a whole number was expected", item), kForm);
      } else if (equals == std::string::npos) {
        place_.element.push_back(*value);
      } else {
        place_.positions.emplace_back(trimmed(item.substr(0, equals)), *value);
      }
      begin = end + 1;
    }
  }

  void resolve() {
    const auto found = graph_.names.find(place_.name);
    if (place_.name == "loss" && place_.positions.empty() && graph_.total_loss != kNone) {
      place_.node = graph_.total_loss;
    } else if (place_.name == "loss" && found == graph_.names.end() && graph_.total_loss != kNone) {
      return fail("the loss is one number for the whole batch: it has no positions", terms_text());
    } else if (found != graph_.names.end()) {
      place_.node = found->second;
    } else if (place_.name == "loss") {
      return fail("the model has no loss in this mode", "give an output instead, such as --from 'y[t=-1]'", "E0725");
    } else {
      std::vector<std::string> names;
      for (const auto& [name, node] : graph_.names) names.push_back(name);
      return fail(fmt::format("no value '{}'{}", place_.name, did_you_mean(place_.name, names)), "", "E0721");
    }
    check_axes();
    if (!failed_ && !place_.element.empty()) check_element();
  }

  // What the loss is made of, which does have positions.
  std::string terms_text() const {
    std::string names;
    for (const LossTerm& term : graph_.losses) names += (names.empty() ? "" : ", ") + graph_[term.value].name;
    return "it is made of " + names + ": name that at a position, or the loss without one";
  }

  void check_axes() {
    const Node& node = graph_[place_.node];
    std::vector<std::string> axes;
    for (const AxisId axis : node.space.axes()) axes.push_back(graph_.axes[static_cast<std::size_t>(axis)].name);
    if (node.space.on_batch()) axes.emplace_back("example");
    std::vector<std::string> seen;
    for (const auto& [axis, position] : place_.positions) {
      if (std::find(axes.begin(), axes.end(), axis) == axes.end()) {
        return fail(fmt::format("'{}' does not vary along '{}'{}", place_.name, axis, did_you_mean(axis, axes)),
                    axes.empty() ? "it is one value for all examples" : fmt::format("its axes are {}", fmt::join(axes, ", ")));
      }
      if (std::find(seen.begin(), seen.end(), axis) != seen.end()) {
        return fail(fmt::format("the position on '{}' is given twice", axis), kForm);
      }
      seen.push_back(axis);
    }
  }

  void check_element() {
    const std::vector<std::int64_t> shape = numbers(graph_.sizes.resolve(graph_[place_.node].shape));
    bool fits = shape.size() == place_.element.size();
    for (std::size_t k = 0; fits && k < shape.size(); ++k) fits = place_.element[k] >= 0 && place_.element[k] < shape[k];
    if (!fits) {
      fail(fmt::format("'{}' has the shape [{}], so [{}] is none of its elements", place_.name, fmt::join(shape, ", "),
                       fmt::join(place_.element, ", ")),
           "give an index from 0 for each dimension, or none: all elements");
    }
  }

  const Graph& graph_;
  Diagnostics& diagnostics_;
  const Source source_;
  GradientPlace place_;
  bool failed_ = false;
};

}  // namespace

GradientPlace read_place(const std::string& text, const std::string& option, const Graph& graph, Diagnostics& diagnostics) {
  return Reader(text, option, graph, diagnostics).read();
}

std::vector<std::int32_t> points_of(const GradientPlace& place, const Graph& graph, ReferencePoints& points) {
  const Space space = graph[place.node].space;
  const auto wanted = [&](const std::string& axis) {
    const auto same = [&](const auto& position) { return position.first == axis; };
    const auto found = std::find_if(place.positions.begin(), place.positions.end(), same);
    return found == place.positions.end() ? std::nullopt : std::optional(found->second);
  };
  std::vector<std::int32_t> result;
  ReferencePlace at;
  for (std::int32_t point = 0; point < points.count(space); ++point) {
    points.place(space, point, at);
    const auto row = wanted("example");
    bool meant = !row || (*row < 0 ? *row + points.rows() : *row) == at.row;
    for (const AxisId axis : space.axes()) {
      const auto position = wanted(graph.axes[static_cast<std::size_t>(axis)].name);
      if (!position) continue;
      const std::int64_t from_start = *position < 0 ? *position + points.length(axis, at) : *position;
      meant = meant && from_start == at.at[static_cast<std::size_t>(axis)];
    }
    if (meant) result.push_back(point);
  }
  return result;
}

std::vector<std::int64_t> elements_of(const GradientPlace& place, const Graph& graph) {
  const std::vector<std::int64_t> shape = numbers(graph.sizes.resolve(graph[place.node].shape));
  std::int64_t count = 1, flat = 0;
  for (const std::int64_t dim : shape) count *= dim;
  for (std::size_t k = 0; k < place.element.size(); ++k) flat = flat * shape[k] + place.element[k];
  if (!place.element.empty()) return {flat};
  std::vector<std::int64_t> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::string point_text(const Graph& graph, NodeId node, std::int32_t point, ReferencePoints& points) {
  const std::string name = node == graph.total_loss ? "loss" : graph[node].name;
  const Space space = graph[node].space;
  if (!space.on_batch()) return name;
  ReferencePlace at;
  points.place(space, point, at);
  std::string inside;
  if (points.rows() > 1) inside = fmt::format("example={}", at.row);
  for (const AxisId axis : space.axes()) {
    inside += fmt::format("{}{}={}", inside.empty() ? "" : ", ", graph.axes[static_cast<std::size_t>(axis)].name,
                          at.at[static_cast<std::size_t>(axis)]);
  }
  return inside.empty() ? name : name + "[" + inside + "]";
}

}  // namespace tapeloop
