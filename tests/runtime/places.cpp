#include "tests/runtime/places.h"

#include <utility>

namespace tapeloop::test {

Axis axis(const std::string& name, AxisId within) {
  Axis made;
  made.name = name;
  made.within = within;
  return made;
}

Space space_of(const std::vector<AxisId>& axes) {
  Space space = Space::batch();
  for (const AxisId axis : axes) space = space.with(axis);
  return space;
}

Ragged::Ragged(std::vector<Axis> axes_given, std::int32_t rows_given, std::int32_t longest, std::mt19937& random)
    : axes(std::move(axes_given)), rows(rows_given) {
  std::uniform_int_distribution<std::int32_t> any(0, longest);
  for (AxisId id = 0; id < static_cast<AxisId>(axes.size()); ++id) {
    lengths_.emplace_back();
    Space outer = Space::batch();
    for (AxisId a = axes[static_cast<std::size_t>(id)].within; a != kNone; a = axes[static_cast<std::size_t>(a)].within) {
      outer = outer.with(a);
    }
    for (const Place& place : places(outer)) lengths_.back()[place] = any(random);
  }
}

Ragged::Ragged(std::vector<Axis> axes_given, std::vector<std::map<Place, std::int32_t>> lengths, std::int32_t rows_given)
    : axes(std::move(axes_given)), rows(rows_given), lengths_(std::move(lengths)) {}

Place Ragged::outer(AxisId id, const Place& place) const {
  Place result;
  result.row = place.row;
  for (AxisId a = axes[static_cast<std::size_t>(id)].within; a != kNone; a = axes[static_cast<std::size_t>(a)].within) {
    result.at[a] = place.at.at(a);
  }
  return result;
}

std::int32_t Ragged::length(AxisId id, const Place& place) const { return lengths_[static_cast<std::size_t>(id)].at(outer(id, place)); }

std::vector<Place> Ragged::places(Space space) const {
  std::vector<Place> found;
  for (std::int32_t row = 0; row < rows; ++row) found.push_back({row, {}});
  for (const AxisId id : space.axes()) {
    std::vector<Place> longer;
    for (const Place& place : found) {
      for (std::int32_t position = 0; position < length(id, place); ++position) {
        longer.push_back(place);
        longer.back().at[id] = position;
      }
    }
    found = std::move(longer);
  }
  return found;
}

bool Ragged::inside(Space space, const Place& place) const {
  for (const AxisId id : space.axes()) {
    if (place.at.at(id) < 0 || place.at.at(id) >= length(id, place)) return false;
  }
  return true;
}

void Ragged::give(Extents& extents) const {
  extents.start(rows);
  for (AxisId id = 0; id < static_cast<AxisId>(axes.size()); ++id) {
    std::vector<std::int32_t> lengths;
    for (const Place& place : places(extents.within(id).space)) lengths.push_back(length(id, place));
    extents.set_lengths(id, lengths);
  }
}

Place place_at(const Extents& extents, LayoutId id, std::int32_t point) {
  const LayoutExtent& layout = extents.layout(id);
  const SpaceExtent& points = extents.points(layout);
  const std::int32_t* at = points.at(layout.canonical[static_cast<std::size_t>(point)]);
  Place place;
  place.row = at[0];
  for (std::size_t k = 0; k < points.axes.size(); ++k) place.at[points.axes[k]] = at[k + 1];
  return place;
}

}  // namespace tapeloop::test
