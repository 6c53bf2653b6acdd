#include "tests/random/model_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace tapeloop {
namespace {

using Json = nlohmann::json;

constexpr int kPadding = 777;  // in the feed, where NaN cannot be written

// The points of a closed set of axes, row by row: positions on the axes, ascending.
struct Walk {
  const std::vector<RandomAxis>& axes;
  const std::map<std::string, std::vector<std::int32_t>>& lengths;

  // Index of a place among the points of the axes that `axis` lies within.
  std::size_t index_within(int axis, std::size_t row, const std::vector<int>& at) const {
    const int outer = axes[static_cast<std::size_t>(axis)].within;
    if (outer < 0) return row;
    const std::size_t parent = index_within(outer, row, at);
    const std::vector<std::int32_t>& runs = lengths.at(axes[static_cast<std::size_t>(outer)].name);
    std::size_t first = 0;
    for (std::size_t k = 0; k < parent; ++k) first += static_cast<std::size_t>(runs[k]);
    return first + static_cast<std::size_t>(at[static_cast<std::size_t>(outer)]);
  }
  int length(int axis, std::size_t row, const std::vector<int>& at) const {
    return lengths.at(axes[static_cast<std::size_t>(axis)].name)[index_within(axis, row, at)];
  }
  int extent(int axis) const {
    const auto& runs = lengths.at(axes[static_cast<std::size_t>(axis)].name);
    return runs.empty() ? 0 : *std::max_element(runs.begin(), runs.end());
  }
  // Lengths of an axis as the feed has them: lists that end where the outer runs end.
  Json table(int axis, const std::vector<int>& outer, std::size_t depth, std::size_t row, std::vector<int>& at) const {
    if (depth == outer.size()) return length(axis, row, at);
    Json list = Json::array();
    for (int& p = at[static_cast<std::size_t>(outer[depth])] = 0; p < length(outer[depth], row, at); ++p) {
      list.push_back(table(axis, outer, depth + 1, row, at));
    }
    return list;
  }
  template <class Visit>
  void points(const std::vector<int>& on, std::size_t depth, std::size_t row, std::vector<int>& at, const Visit& visit) const {
    if (depth == on.size()) return visit();
    for (int& p = at[static_cast<std::size_t>(on[depth])] = 0; p < length(on[depth], row, at); ++p) points(on, depth + 1, row, at, visit);
  }
};

Json nested(const Array<double>& array, std::size_t depth, std::size_t& next) {
  if (depth == array.dims.size()) {
    const double value = array.data[next++];
    if (std::isnan(value)) return kPadding;
    return value == std::floor(value) ? Json(static_cast<std::int64_t>(value)) : Json(value);
  }
  Json result = Json::array();
  for (std::int64_t k = 0; k < array.dims[depth]; ++k) result.push_back(nested(array, depth + 1, next));
  return result;
}

Json nested(const Array<double>& array) {
  std::size_t next = 0;
  return nested(array, 0, next);
}

std::string shape_text(int width) { return width == 0 ? "[]" : fmt::format("[{}]", width); }

}  // namespace

AxisSet ModelWriter::closure(int axis) const {
  AxisSet set = 0;
  for (; axis >= 0; axis = axes[static_cast<std::size_t>(axis)].within) set |= 1U << axis;
  return set;
}

bool ModelWriter::is_closed(AxisSet set) const {
  const std::vector<int> list = axes_of(set);
  return std::all_of(list.begin(), list.end(), [&](int axis) { return (closure(axis) & ~set) == 0; });
}

std::vector<int> ModelWriter::axes_of(AxisSet set) const {
  std::vector<int> result;
  for (int axis = 0; axis < static_cast<int>(axes.size()); ++axis) {
    if (has(set, axis)) result.push_back(axis);
  }
  return result;
}

bool ModelWriter::innermost(AxisSet set, int axis) const {
  const std::vector<int> list = axes_of(set);
  return std::none_of(list.begin(), list.end(), [&](int other) { return other != axis && has(closure(other), axis); });
}

std::string ModelWriter::axis_names(AxisSet set) const {
  std::vector<std::string> names;
  for (const int axis : axes_of(set)) names.push_back(axes[static_cast<std::size_t>(axis)].name);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::size_t ModelWriter::input(AxisSet on, int width) {
  std::string name = "x";
  for (const int axis : axes_of(on)) name += axes[static_cast<std::size_t>(axis)].name;
  name += std::to_string(width);
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (values[k].name == name) return k;
  }
  values.push_back({name, on, width});
  if (is_decided(on)) stand_in(values.size() - 1);
  return static_cast<std::size_t>(std::find_if(values.begin(), values.end(), [&](const RandomValue& v) { return v.name == name; }) -
                                  values.begin());
}

bool ModelWriter::is_decided(AxisSet set) const {
  const std::vector<int> list = axes_of(set);
  return std::any_of(list.begin(), list.end(), [&](int axis) { return axes[static_cast<std::size_t>(axis)].decided; });
}

// Numbers that differ from position to position, made of an input that lies along the other axes.
void ModelWriter::stand_in(std::size_t value) {
  values[value].stands_in = true;
  const RandomValue made = values[value];
  AxisSet others = made.axes;
  std::string place;
  for (const int axis : axes_of(made.axes)) {
    if (!axes[static_cast<std::size_t>(axis)].decided) continue;
    others &= ~(1U << axis);
    place += fmt::format(" + mod({:.3f} * index({}), 1)", 0.4 + dice.unit(), axes[static_cast<std::size_t>(axis)].name);
  }
  const std::string from = values[input(others, made.width)].name;
  add_node(made.name, fmt::format("{{op: tanh, inputs: [\"0.8 * {} - 0.5{}\"], axes: [{}]}}", from, place, axis_names(made.axes)));
}

Array<double> ModelWriter::numbers(std::vector<std::int64_t> dims, double bound) {
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) count *= dim;
  Array<double> result{std::move(dims), {}};
  for (std::int64_t k = 0; k < count; ++k) result.data.push_back(bound * (2 * dice.unit() - 1));
  return result;
}

std::string ModelWriter::parameter(std::vector<std::int64_t> dims, double bound) {
  std::string name = "p" + std::to_string(++parameter_count_);
  parameters_ += fmt::format("  {}: [{}]\n", name, fmt::join(dims, ", "));
  parameter_of_linear(name, std::move(dims), bound);
  if (!dice.chance(0.3)) return name;
  // An equation of it, written before whoever reads it or after everything else.
  (dice.chance(0.5) ? nodes_ : late_nodes_) += fmt::format("  q{0}: 0.6 * p{0} + 0.3 * tanh(p{0})\n", parameter_count_);
  return fmt::format("q{}", parameter_count_);
}

void ModelWriter::parameter_of_linear(const std::string& name, std::vector<std::int64_t> dims, double bound) {
  fed_parameters_[name] = numbers(std::move(dims), bound);
}

void ModelWriter::add_node(const std::string& name, const std::string& equation) { nodes_ += fmt::format("  {}: {}\n", name, equation); }

void ModelWriter::add_state(const std::string& name, int axis, const std::string& init) {
  states_[name].push_back(fmt::format("{{along: {}, init: '{}'}}", axes[static_cast<std::size_t>(axis)].name, init));
}

RandomModel ModelWriter::finish(const std::vector<std::string>& outputs, const std::string& loss) {
  RandomModel model;
  model.seed = seed_;
  model.yaml = "tapeloop: 1\naxes:\n";
  std::string inputs;
  for (const RandomAxis& axis : axes) {
    std::vector<std::string> says;
    if (axis.within >= 0) says.push_back("within: " + axes[static_cast<std::size_t>(axis.within)].name);
    if (!axis.length.empty()) says.push_back("length: " + axis.length);
    if (axis.decided) says.push_back(fmt::format("until: done, max: {}", std::max(axis.longest, 1)));
    if (!axis.derived.empty()) says = {axis.derived};
    model.yaml += fmt::format("  {}: {{{}}}\n", axis.name, fmt::join(says, ", "));
    const auto k = static_cast<int>(&axis - axes.data());
    if (!axis.length.empty()) inputs += fmt::format("  {}: {{axes: [{}], type: int}}\n", axis.length, axis_names(closure(k) & ~(1U << k)));
  }
  for (const RandomValue& value : values) {
    if (value.group >= 0 || !value.on_batch || value.stands_in) continue;
    inputs += fmt::format("  {}: {{axes: [{}], shape: {}}}\n", value.name, axis_names(value.axes), shape_text(value.width));
  }
  model.yaml += "inputs:\n" + inputs;
  if (!parameters_.empty()) model.yaml += "parameters:\n" + parameters_;
  if (!states_.empty()) model.yaml += "states:\n";
  for (const auto& [name, starts] : states_) model.yaml += fmt::format("  {}: [{}]\n", name, fmt::join(starts, ", "));
  model.yaml += fmt::format("nodes:\n{}{}outputs: [{}]\n", nodes_, late_nodes_, fmt::join(outputs, ", "));
  if (!loss.empty()) model.yaml += "loss: " + loss + "\n";
  model.parameters = fed_parameters_;
  draw_lengths(model);
  draw_inputs(model);
  return model;
}

// 0 to 5 rows; lengths from all equal to all different, 0 among them.
void ModelWriter::draw_lengths(RandomModel& model) {
  model.batch.rows = dice.chance(0.04) ? 0 : dice.between(1, 5);
  const bool equal = dice.chance(0.15);
  std::vector<std::size_t> points;  // of each axis' own set
  std::vector<double> mean;         // length of each
  for (const RandomAxis& axis : axes) {
    const std::size_t runs = axis.within < 0 ? static_cast<std::size_t>(model.batch.rows) : points[static_cast<std::size_t>(axis.within)];
    std::vector<std::int32_t>& lengths = model.batch.lengths[axis.name];
    const int same = dice.between(0, axis.longest);
    std::size_t total = 0;
    for (std::size_t k = 0; k < runs; ++k) {
      lengths.push_back(equal ? same : dice.between(0, axis.longest));
      if (axis.from >= 0) {
        const std::int32_t from = model.batch.lengths[axes[static_cast<std::size_t>(axis.from)].name][k];
        lengths.back() = derived_length(axis.rule, std::vector(axis.rule.rule == Derivation::Rule::kJoin ? 2 : 1, from), 0);
      }
      total += static_cast<std::size_t>(lengths.back());
    }
    points.push_back(total);
    mean.push_back(runs == 0 ? 0 : static_cast<double>(total) / static_cast<double>(runs));
  }
  for (const RandomValue& value : values) {
    double positions = static_cast<double>(model.batch.rows);
    for (const int axis : axes_of(value.axes)) positions *= mean[static_cast<std::size_t>(axis)];
    model.positions += positions;
  }
}

void ModelWriter::draw_inputs(RandomModel& model) {
  const std::map<std::string, std::vector<std::int32_t>> lengths = model.batch.lengths;
  const Walk walk{axes, lengths};
  const auto rows = static_cast<std::size_t>(model.batch.rows);
  std::vector<int> at(axes.size());
  const auto filled = [&](const std::vector<int>& on, int width, const auto& value) {
    Array<double> array{{model.batch.rows}, {}};
    for (const int axis : on) array.dims.push_back(std::max(walk.extent(axis) + dice.below(2), 1));
    if (width > 0) array.dims.push_back(width);
    std::int64_t count = 1;
    for (const std::int64_t dim : array.dims) count *= dim;
    array.data.assign(static_cast<std::size_t>(count), std::numeric_limits<double>::quiet_NaN());
    for (std::size_t row = 0; row < rows; ++row) {
      walk.points(on, 0, row, at, [&] {
        std::int64_t index = static_cast<std::int64_t>(row);
        for (std::size_t k = 0; k < on.size(); ++k) index = index * array.dims[k + 1] + at[static_cast<std::size_t>(on[k])];
        for (int e = 0; e < std::max(width, 1); ++e) array.data[static_cast<std::size_t>(index * std::max(width, 1) + e)] = value(row);
      });
    }
    return array;
  };
  Json feed = {{"inputs", Json::object()}, {"parameters", Json::object()}, {"lengths", Json::object()}};
  for (int k = 0; k < static_cast<int>(axes.size()); ++k) {
    const RandomAxis& axis = axes[static_cast<std::size_t>(k)];
    const std::vector<int> outer = axes_of(closure(k) & ~(1U << k));
    if (axis.from >= 0 || axis.decided) {
      model.batch.lengths.erase(axis.name);
    } else if (axis.length.empty()) {
      Json& tables = feed["lengths"][axis.name] = Json::array();
      for (std::size_t row = 0; row < rows; ++row) tables.push_back(walk.table(k, outer, 0, row, at));
    } else {
      model.batch.inputs[axis.length] = filled(outer, 0, [&](std::size_t row) { return walk.length(k, row, at); });
      model.batch.lengths.erase(axis.name);
    }
  }
  for (const RandomValue& value : values) {
    if (value.group >= 0 || !value.on_batch || value.stands_in) continue;
    model.batch.inputs[value.name] = filled(axes_of(value.axes), value.width, [&](std::size_t) { return 2 * dice.unit() - 1; });
  }
  for (const auto& [name, array] : model.batch.inputs) feed["inputs"][name] = nested(array);
  for (const auto& [name, array] : model.parameters) feed["parameters"][name] = nested(array);
  model.feed = feed.dump();
}

}  // namespace tapeloop
