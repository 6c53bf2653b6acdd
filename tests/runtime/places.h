// Random nested ragged batches, and the naive meaning of orders and moves, place by place: what extents and tables must agree with.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/plan.h"
#include "runtime/extents.h"

namespace tapeloop::test {

// A row and its positions, by axis.
struct Place {
  std::int32_t row = 0;
  std::map<AxisId, std::int32_t> at;
  bool operator==(const Place&) const = default;
  auto operator<=>(const Place&) const = default;
};

// Lengths of every run: by axis, then by the place on the axes that it lies within.
class Ragged {
 public:
  Ragged(std::vector<Axis> axes, std::int32_t rows, std::int32_t longest, std::mt19937& random);
  // The same length for all runs of an axis within none.
  Ragged(std::vector<Axis> axes, std::vector<std::map<Place, std::int32_t>> lengths, std::int32_t rows);

  std::vector<Place> places(Space space) const;  // in canonical order
  std::int32_t length(AxisId axis, const Place& place) const;
  bool inside(Space space, const Place& place) const;
  void give(Extents& extents) const;

  std::vector<Axis> axes;
  std::int32_t rows = 0;

 private:
  Place outer(AxisId axis, const Place& place) const;
  std::vector<std::map<Place, std::int32_t>> lengths_;
};

Axis axis(const std::string& name, AxisId within = kNone);
Space space_of(const std::vector<AxisId>& axes);

// The place that is at a point of a layout.
Place place_at(const Extents& extents, LayoutId layout, std::int32_t point);

}  // namespace tapeloop::test
