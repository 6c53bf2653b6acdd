// The order of a layout's points. Its items are the rows by rank and, for each, the positions on those runs that a step axis lies
// within; level by level the items of a block are sorted by their length along the step axis, longest first, and each position
// of that axis becomes a block of the items that reach it:
//
//   steps {t}, lengths 1 3 2:   t = 0: rows 1 2 0    t = 1: rows 1 2    t = 2: row 1
#include <algorithm>

#include "runtime/extents.h"

namespace tapeloop {

void Extents::build_layout(LayoutExtent& layout) {
  const auto points = static_cast<std::size_t>(this->points(layout).points);
  layout.canonical.resize(points);
  layout.point_of.resize(points);
  order_items(layout);
  layout.start[0].assign({0, static_cast<std::int32_t>(points)});
  layout.largest_block[0] = static_cast<std::int32_t>(points);
  for (std::size_t depth = 0; depth < layout.layout.steps.size(); ++depth) split(layout, depth);
  std::copy(order_.begin(), order_.end(), layout.canonical.begin());
  for (std::size_t point = 0; point < points; ++point) {
    layout.point_of[static_cast<std::size_t>(order_[point])] = static_cast<std::int32_t>(point);
  }
}

// The points of a row are neighbours in canonical order.
std::int32_t Extents::first_of_row(const SpaceExtent& space, std::int32_t row) const {
  if (space.parent == kNone) return row;
  return space.offset[static_cast<std::size_t>(first_of_row(spaces_[static_cast<std::size_t>(space.parent)], row))];
}

// order_: canonical points, item after item; item_: number of the item of each canonical point.
void Extents::order_items(const LayoutExtent& layout) {
  const SpaceExtent& points = this->points(layout);
  Space outer = Space::batch();  // runs that a step axis lies within
  for (const AxisId step : layout.layout.steps) {
    for (const AxisId axis : axes_[static_cast<std::size_t>(step)].outer) outer = outer.with(axis);
  }
  for (const AxisId step : layout.layout.steps) outer = outer.without(step);

  order_.resize(static_cast<std::size_t>(points.points));
  next_.resize(order_.size());
  item_.resize(order_.size());
  std::size_t out = 0;
  for (const std::int32_t row : ranked_) {
    const std::int32_t end = first_of_row(points, row + 1);
    for (std::int32_t point = first_of_row(points, row); point < end; ++point) order_[out++] = point;
  }
  const auto compare = [&](std::int32_t a, std::int32_t b) {  // by row, then position on the outer runs
    const std::int32_t* left = points.at(a);
    const std::int32_t* right = points.at(b);
    for (std::size_t k = 0; k < points.axes.size(); ++k) {
      if (outer.has(points.axes[k]) && left[k + 1] != right[k + 1]) return left[k + 1] - right[k + 1];
    }
    return 0;
  };
  for (std::size_t begin = 0; begin < order_.size();) {
    std::size_t end = begin + 1;
    bool sorted = true;
    for (; end < order_.size() && points.at(order_[end])[0] == points.at(order_[begin])[0]; ++end) {
      sorted = sorted && compare(order_[end - 1], order_[end]) <= 0;
    }
    if (!sorted) {
      std::sort(order_.begin() + static_cast<std::ptrdiff_t>(begin), order_.begin() + static_cast<std::ptrdiff_t>(end),
                [&](std::int32_t a, std::int32_t b) {
                  const std::int32_t difference = compare(a, b);
                  return difference != 0 ? difference < 0 : a < b;
                });
    }
    begin = end;
  }
  std::int32_t item = -1;
  for (std::size_t k = 0; k < order_.size(); ++k) {
    const bool same = k > 0 && points.at(order_[k])[0] == points.at(order_[k - 1])[0] && compare(order_[k], order_[k - 1]) == 0;
    item_[static_cast<std::size_t>(order_[k])] = same ? item : ++item;
  }
}

// The items in order_[begin, end), sorted by their reach along the axis in that column of the coordinates.
void Extents::collect_items(std::int32_t begin, std::int32_t end, const SpaceExtent& points, std::size_t column) {
  items_.clear();
  for (std::int32_t k = begin; k < end; ++k) {
    const std::int32_t point = order_[static_cast<std::size_t>(k)];
    const std::int32_t item = item_[static_cast<std::size_t>(point)];
    if (k == begin || item != item_[static_cast<std::size_t>(order_[static_cast<std::size_t>(k) - 1])]) items_.push_back({0, k, k});
    items_.back().end = k + 1;
    items_.back().key = std::max(items_.back().key, points.at(point)[column] + 1);
  }
  const auto longer = [](const Item& a, const Item& b) { return a.key != b.key ? a.key > b.key : a.begin < b.begin; };
  if (!std::is_sorted(items_.begin(), items_.end(), longer)) std::sort(items_.begin(), items_.end(), longer);
}

// Divides every block at `depth` into one for each position on the axis steps[depth].
void Extents::split(LayoutExtent& layout, std::size_t depth) {
  const SpaceExtent& points = this->points(layout);
  const NestExtent& nest = nests_[static_cast<std::size_t>(layout.nests[depth])];
  const AxisId axis = layout.layout.steps[depth];
  const auto column = 1 + static_cast<std::size_t>(std::find(points.axes.begin(), points.axes.end(), axis) - points.axes.begin());
  const std::vector<std::int32_t>& outer = layout.start[depth];
  std::vector<std::int32_t>& start = layout.start[depth + 1];
  start.assign(static_cast<std::size_t>(nest.blocks) + 1, 0);
  for (std::size_t block = 0; block + 1 < outer.size(); ++block) {  // how many points each child has, in the entry behind it
    for (std::int32_t k = outer[block]; k < outer[block + 1]; ++k) {
      ++start[static_cast<std::size_t>(nest.child[block] + points.at(order_[static_cast<std::size_t>(k)])[column]) + 1];
    }
  }
  std::int32_t& largest = layout.largest_block[depth + 1];
  largest = *std::max_element(start.begin(), start.end());
  for (std::size_t child = 1; child < start.size(); ++child) start[child] += start[child - 1];
  count_.assign(start.begin(), start.end());  // where the next point of each child goes
  for (std::size_t block = 0; block + 1 < outer.size(); ++block) {
    collect_items(outer[block], outer[block + 1], points, column);
    for (const Item& item : items_) {
      for (std::int32_t k = item.begin; k < item.end; ++k) {
        const std::int32_t point = order_[static_cast<std::size_t>(k)];
        std::int32_t& at = count_[static_cast<std::size_t>(nest.child[block] + points.at(point)[column])];
        next_[static_cast<std::size_t>(at++)] = point;
      }
    }
  }
  order_.swap(next_);
}

}  // namespace tapeloop
