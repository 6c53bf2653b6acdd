#include "runtime/reference_points.h"

#include <algorithm>
#include <stdexcept>

namespace tapeloop {

ReferencePoints::ReferencePoints(const Graph& graph, std::int64_t rows, LengthsOf lengths_of)
    : graph_(graph), rows_(rows), lengths_of_(std::move(lengths_of)), lengths_(graph.axes.size()) {}

// A space's points are those of the space without its last axis, each followed by its run along that axis.
const ReferencePoints::Table& ReferencePoints::table(Space space) {
  const auto found = tables_.find(space.bits());
  if (found != tables_.end()) return found->second;
  Table table;
  table.axes = space.axes();
  if (table.axes.empty()) {
    table.count = space.on_batch() ? static_cast<std::int32_t>(rows_) : 1;
    for (std::int32_t row = 0; row < table.count; ++row) table.coordinates.push_back(row);
  } else {
    const AxisId axis = table.axes.back();
    const Space parent = space.without(axis);
    const std::vector<std::int32_t>& runs = lengths(axis);
    const std::vector<std::int32_t>& run_of = projection(parent, graph_.within(axis));
    const Table& outer = this->table(parent);
    const std::size_t width = outer.axes.size() + 1;
    table.first.push_back(0);
    for (std::size_t i = 0; i < static_cast<std::size_t>(outer.count); ++i) {
      const std::int32_t length = runs[static_cast<std::size_t>(run_of[i])];
      for (std::int32_t p = 0; p < length; ++p) {
        for (std::size_t k = 0; k < width; ++k) table.coordinates.push_back(outer.coordinates[i * width + k]);
        table.coordinates.push_back(p);
      }
      table.first.push_back(table.first.back() + length);
    }
    table.count = table.first.back();
  }
  return tables_.emplace(space.bits(), std::move(table)).first->second;
}

const std::vector<std::int32_t>& ReferencePoints::lengths(AxisId axis) {
  Lengths& found = lengths_[static_cast<std::size_t>(axis)];
  if (found.open) throw std::runtime_error("the length of axis " + graph_.axes[static_cast<std::size_t>(axis)].name + " depends on itself");
  if (!found.known) {
    found.open = true;
    found.values = lengths_of_(axis);
    found.open = false;
    found.known = true;
    if (found.values.size() != static_cast<std::size_t>(count(graph_.within(axis)))) {
      throw std::runtime_error("axis " + graph_.axes[static_cast<std::size_t>(axis)].name + ": expected " +
                               std::to_string(count(graph_.within(axis))) + " lengths, found " + std::to_string(found.values.size()));
    }
  }
  return found.values;
}

void ReferencePoints::place(Space space, std::int32_t point, ReferencePlace& place) {
  const Table& points = table(space);
  place.at.resize(graph_.axes.size());
  const std::size_t width = points.axes.size() + 1;
  const std::int32_t* const coordinates = points.coordinates.data() + static_cast<std::size_t>(point) * width;
  place.row = coordinates[0];
  for (std::size_t k = 0; k < points.axes.size(); ++k) place.at[static_cast<std::size_t>(points.axes[k])] = coordinates[k + 1];
}

std::int32_t ReferencePoints::index(Space space, const ReferencePlace& place) {
  if (!space.on_batch()) return 0;
  const Table& points = table(space);
  if (points.axes.empty()) return place.row;
  const AxisId axis = points.axes.back();
  const std::int32_t parent = index(space.without(axis), place);
  if (parent == kOutside) return kOutside;
  const std::int32_t first = points.first[static_cast<std::size_t>(parent)];
  const std::int32_t length = points.first[static_cast<std::size_t>(parent) + 1] - first;
  const std::int32_t position = place.at[static_cast<std::size_t>(axis)];
  return position >= 0 && position < length ? first + position : kOutside;
}

std::int32_t ReferencePoints::length(AxisId axis, const ReferencePlace& place) {
  const std::vector<std::int32_t>& runs = lengths(axis);
  const std::int32_t run = index(graph_.within(axis), place);
  if (run == kOutside) throw std::logic_error("the length of a run is asked for outside the axes that it lies within");
  return runs[static_cast<std::size_t>(run)];
}

std::int32_t ReferencePoints::extent(AxisId axis) {
  const std::vector<std::int32_t>& runs = lengths(axis);
  return runs.empty() ? 0 : *std::max_element(runs.begin(), runs.end());
}

const std::vector<std::int32_t>& ReferencePoints::projection(Space from, Space to) {
  std::vector<std::int32_t>& result = projections_[{from.bits(), to.bits()}];
  const std::int32_t points = count(from);
  if (static_cast<std::int32_t>(result.size()) == points) return result;
  ReferencePlace place;
  for (std::int32_t point = 0; point < points; ++point) {
    this->place(from, point, place);
    result.push_back(index(to, place));
  }
  return result;
}

}  // namespace tapeloop
