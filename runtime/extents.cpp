#include "runtime/extents.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "core/diagnostics.h"
#include "runtime/chunk_positions.h"

namespace tapeloop {
namespace {

std::int32_t checked_points(std::int64_t points, std::int64_t more) {
  const std::int64_t sum = points + more;  // both are below 2^62
  if (sum > std::numeric_limits<std::int32_t>::max()) {
    Diagnostics diagnostics;
    diagnostics.error("E0709", {}, "the batch has more than 2147483647 positions", "use a smaller batch or shorter sequences");
    raise_errors(diagnostics);
  }
  return static_cast<std::int32_t>(sum);
}

}  // namespace

Extents::Extents(const Plan& plan, std::int64_t positions) : positions_(positions) {
  for (const Axis& axis : plan.axes) {
    AxisExtent extent;
    for (AxisId outer = axis.within; outer != kNone; outer = plan.axes[static_cast<std::size_t>(outer)].within) {
      extent.outer.insert(extent.outer.begin(), outer);
    }
    extent.derivation = axis.derivation;
    const auto id = static_cast<AxisId>(axes_.size());
    const bool used = std::any_of(plan.layouts.begin(), plan.layouts.end(), [&](const Layout& layout) { return layout.space.has(id); });
    if (primary_ == kNone && axis.within == kNone && axis.fed() && used) primary_ = id;
    axes_.push_back(std::move(extent));
  }
  for (AxisExtent& axis : axes_) {
    Space space = Space::batch();
    for (const AxisId outer : axis.outer) space = space.with(outer);
    axis.within = add_space(space);
  }
  add_space(Space::batch());
  for (const Layout& layout : plan.layouts) {
    LayoutExtent extent;
    extent.layout = layout;
    extent.space = add_space(layout.space);
    for (std::size_t d = 1; d <= layout.steps.size(); ++d) {
      extent.nests.push_back(add_nest({layout.steps.begin(), layout.steps.begin() + static_cast<std::ptrdiff_t>(d)}));
    }
    extent.start.resize(layout.steps.size() + 1);
    extent.largest_block.resize(layout.steps.size() + 1);
    layouts_.push_back(std::move(extent));
  }
  add_programs(plan, plan.forward);
  add_programs(plan, plan.backward);
  for (const Instruction& instruction : plan.instructions) {
    if (instruction.op == OpCode::kCount && instruction.counted.on_batch()) add_space(instruction.counted);
  }
}

Space Extents::closure(Space space) const {
  Space result = space;
  for (const AxisId axis : space.axes()) {
    for (const AxisId outer : axes_[static_cast<std::size_t>(axis)].outer) result = result.with(outer);
  }
  return result;
}

int Extents::add_space(Space space) {
  if (closure(space) != space) throw std::logic_error("a space has an axis but not the one that this lies within");
  const auto known = space_ids_.find(space.bits());
  if (known != space_ids_.end()) return known->second;
  SpaceExtent extent;
  extent.space = space;
  extent.axes = space.axes();
  if (!extent.axes.empty()) extent.parent = add_space(space.without(extent.axes.back()));
  spaces_.push_back(std::move(extent));
  const int id = static_cast<int>(spaces_.size()) - 1;
  space_ids_[space.bits()] = id;
  return id;
}

int Extents::add_nest(const std::vector<AxisId>& axes) {
  const auto known = nest_ids_.find(axes);
  if (known != nest_ids_.end()) return known->second;
  NestExtent nest;
  nest.axes = axes;
  Space space = Space::batch();
  for (const AxisId outer : axes_[static_cast<std::size_t>(axes.back())].outer) space = space.with(outer);
  if (axes.size() > 1) {
    const int parent = add_nest({axes.begin(), axes.end() - 1});
    nest.outer = nests_[static_cast<std::size_t>(parent)].outer;
    nest.outer.push_back(parent);
    for (std::size_t k = 0; k + 1 < axes.size(); ++k) space = space.with(axes[k]);
  }
  nest.space = add_space(closure(space.without(axes.back())));
  nests_.push_back(std::move(nest));
  const int id = static_cast<int>(nests_.size()) - 1;
  nest_ids_[axes] = id;
  return id;
}

void Extents::add_programs(const Plan& plan, const Program& program) {
  for (const Segment& segment : program) {
    if (segment.kind == Segment::Kind::kScan) add_nest(segment.nest);  // that of strips is their scan's
    add_programs(plan, segment.body);
  }
}

void Extents::start(std::int64_t rows) {
  if (rows != rows_ || rows_stamp_ == 0) {
    rows_ = checked_points(rows, 0);
    rows_stamp_ = ++clock_;
  }
  for (AxisExtent& axis : axes_) axis.known = false;
  build();
}

void Extents::set_lengths(AxisId id, std::span<const std::int32_t> lengths) {
  keep_lengths(axes_[static_cast<std::size_t>(id)], lengths);
  build();
  derive_lengths();
}

void Extents::keep_lengths(AxisExtent& axis, std::span<const std::int32_t> lengths) {
  if (!std::equal(lengths.begin(), lengths.end(), axis.lengths.begin(), axis.lengths.end()) || axis.stamp == 0) {
    axis.lengths.assign(lengths.begin(), lengths.end());
    axis.longest = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
    axis.stamp = ++clock_;
  }
  axis.known = true;
}

bool Extents::may_derive(const AxisExtent& axis) const {
  const auto is_known = [&](AxisId id) { return known(id); };
  return axis.derivation.rule != Derivation::Rule::kNone && !axis.known &&
         std::all_of(axis.derivation.from.begin(), axis.derivation.from.end(), is_known) &&
         std::all_of(axis.outer.begin(), axis.outer.end(), is_known);
}

// Some axis may be derived from one that is derived itself.
void Extents::derive_lengths() {
  while (true) {
    const auto next = std::find_if(axes_.begin(), axes_.end(), [&](const AxisExtent& axis) { return may_derive(axis); });
    if (next == axes_.end()) return;
    const SpaceExtent& runs = spaces_[static_cast<std::size_t>(next->within)];
    derived_.resize(static_cast<std::size_t>(runs.points));
    std::int32_t at[kMaxAxes];
    sources_.resize(next->derivation.from.size());
    for (std::int32_t run = 0; run < runs.points; ++run) {
      const std::int32_t* place = runs.at(run);
      for (std::size_t k = 0; k < runs.axes.size(); ++k) at[runs.axes[k]] = place[k + 1];
      for (std::size_t k = 0; k < sources_.size(); ++k) sources_[k] = length(next->derivation.from[k], place[0], at);
      const std::int32_t window = runs.axes.empty() ? 0 : place[runs.axes.size()];
      derived_[static_cast<std::size_t>(run)] = derived_length(next->derivation, sources_, window);
    }
    keep_lengths(*next, derived_);
    build();
  }
}

bool Extents::ready(Space space) const {
  if (primary_ != kNone && !known(primary_)) return false;
  const std::vector<AxisExtent>& axes = axes_;
  for (std::uint64_t left = space.bits(); const AxisExtent& axis : axes) {
    if ((left & 1U) != 0) {
      if (!axis.known) return false;
      for (const AxisId outer : axis.outer) {
        if (!known(outer)) return false;
      }
    }
    left >>= 1U;
  }
  return true;
}

std::uint64_t Extents::stamp(Space space) const {
  std::uint64_t latest = rows_stamp_;
  if (primary_ != kNone) latest = std::max(latest, axes_[static_cast<std::size_t>(primary_)].stamp);
  for (std::uint64_t left = space.bits(); const AxisExtent& axis : axes_) {
    if ((left & 1U) != 0) {
      latest = std::max(latest, axis.stamp);
      for (const AxisId outer : axis.outer) latest = std::max(latest, axes_[static_cast<std::size_t>(outer)].stamp);
    }
    left >>= 1U;
  }
  return latest;
}

std::int32_t Extents::strip_positions(AxisId axis) const {
  const std::int64_t positions = positions_ > 0 ? positions_ : chunk_positions(longest(axis));
  return static_cast<std::int32_t>(std::min<std::int64_t>(positions, std::numeric_limits<std::int32_t>::max()));
}

std::int32_t Extents::strips(AxisId axis) const {
  const std::int32_t positions = strip_positions(axis);
  return longest(axis) / positions + (longest(axis) % positions != 0 ? 1 : 0);
}

std::int32_t Extents::largest_strip(const LayoutExtent& layout) const {
  const std::vector<std::int32_t>& start = layout.start[1];
  const auto positions = static_cast<std::size_t>(strip_positions(layout.layout.steps.front()));
  std::int32_t largest = 0;
  for (std::size_t begin = 0; begin + 1 < start.size(); begin += positions) {
    largest = std::max(largest, start[std::min(begin + positions, start.size() - 1)] - start[begin]);
  }
  return largest;
}

const SpaceExtent& Extents::within(AxisId axis) const {
  return spaces_[static_cast<std::size_t>(axes_[static_cast<std::size_t>(axis)].within)];
}

std::int32_t Extents::length(AxisId id, std::int32_t row, const std::int32_t* at) const {
  const AxisExtent& axis = axes_[static_cast<std::size_t>(id)];
  return axis.lengths[static_cast<std::size_t>(index(spaces_[static_cast<std::size_t>(axis.within)], row, at))];
}

std::int32_t Extents::index(const SpaceExtent& space, std::int32_t row, const std::int32_t* at) const {
  if (space.parent == kNone) return row;
  const std::int32_t outer = index(spaces_[static_cast<std::size_t>(space.parent)], row, at);
  return space.offset[static_cast<std::size_t>(outer)] + at[space.axes.back()];
}

std::int32_t Extents::find(const SpaceExtent& space, std::int32_t row, const std::int32_t* at) const {
  if (space.parent == kNone) return row;
  const std::int32_t outer = find(spaces_[static_cast<std::size_t>(space.parent)], row, at);
  const std::int32_t position = at[space.axes.back()];
  if (outer == kNone || position < 0) return kNone;
  const auto run = static_cast<std::size_t>(outer);
  return position < space.offset[run + 1] - space.offset[run] ? space.offset[run] + position : kNone;
}

template <class Build>
void Extents::refresh(std::uint64_t& stamp, Space space, Build build) {
  if (!ready(space) || stamp >= this->stamp(space)) return;
  build();
  stamp = clock_;
  ++builds_;
}

// Spaces and nests stand behind what they are made from; layouts need both.
void Extents::build() {
  refresh(ranked_stamp_, Space::batch(), [&] { rank_rows(); });
  for (SpaceExtent& space : spaces_) build_space(space);
  for (NestExtent& nest : nests_) build_nest(nest);
  for (LayoutExtent& layout : layouts_) {
    refresh(layout.stamp, layout.layout.space, [&] { build_layout(layout); });
  }
}

void Extents::rank_rows() {
  ranked_.resize(static_cast<std::size_t>(rows_));
  std::iota(ranked_.begin(), ranked_.end(), 0);
  if (primary_ == kNone) return;
  const auto lengths = this->lengths(primary_);
  std::sort(ranked_.begin(), ranked_.end(), [&](std::int32_t a, std::int32_t b) {
    const std::int32_t left = lengths[static_cast<std::size_t>(a)];
    const std::int32_t right = lengths[static_cast<std::size_t>(b)];
    return left != right ? left > right : a < b;
  });
}

// Spaces do not depend on the rank: the lengths of the primary axis are counted by the points of its own space.
void Extents::build_space(SpaceExtent& space) {
  for (const AxisId axis : space.axes) {
    if (!known(axis)) return;
  }
  std::uint64_t latest = rows_stamp_;
  for (const AxisId axis : space.axes) latest = std::max(latest, axes_[static_cast<std::size_t>(axis)].stamp);
  if (space.stamp >= latest) return;
  space.stamp = 0;  // until it is done: a batch that is refused leaves nothing behind
  ++builds_;
  if (space.parent == kNone) {
    space.points = static_cast<std::int32_t>(rows_);
    space.coordinates.resize(static_cast<std::size_t>(rows_));
    std::iota(space.coordinates.begin(), space.coordinates.end(), 0);
    space.stamp = clock_;
    return;
  }
  const SpaceExtent& parent = spaces_[static_cast<std::size_t>(space.parent)];
  const SpaceExtent& measured = within(space.axes.back());
  const auto lengths = this->lengths(space.axes.back());
  std::int32_t at[64];
  const auto length_of = [&](std::int32_t point) {
    const std::int32_t* place = parent.at(point);
    for (std::size_t k = 0; k < parent.axes.size(); ++k) at[parent.axes[k]] = place[k + 1];
    return lengths[static_cast<std::size_t>(index(measured, place[0], at))];
  };
  space.offset.resize(static_cast<std::size_t>(parent.points) + 1);
  space.points = 0;
  for (std::int32_t point = 0; point < parent.points; ++point) {
    space.offset[static_cast<std::size_t>(point)] = space.points;
    space.points = checked_points(space.points, length_of(point));
  }
  space.offset.back() = space.points;
  if (before_) before_(space.space, space.points);
  space.coordinates.resize(static_cast<std::size_t>(space.points) * space.width());
  std::int32_t* out = space.coordinates.data();
  for (std::int32_t point = 0; point < parent.points; ++point) {
    const std::int32_t run = space.offset[static_cast<std::size_t>(point) + 1] - space.offset[static_cast<std::size_t>(point)];
    for (std::int32_t position = 0; position < run; ++position) {
      out = std::copy_n(parent.at(point), parent.width(), out);
      *out++ = position;
    }
  }
  space.stamp = clock_;
}

void Extents::build_nest(NestExtent& nest) {
  const SpaceExtent& points = spaces_[static_cast<std::size_t>(nest.space)];
  const Space needed = points.space.with(nest.axes.back());
  for (AxisId axis = 0; axis < static_cast<AxisId>(axes_.size()); ++axis) {
    if (needed.has(axis) && !known(axis)) return;
  }
  if (nest.stamp >= stamp(needed)) return;
  nest.stamp = clock_;
  ++builds_;
  const std::int32_t outer_blocks = nest.outer.empty() ? 1 : this->nest(nest.outer.back()).blocks;
  nest.child.assign(static_cast<std::size_t>(outer_blocks) + 1, 0);
  std::int32_t at[64];
  for (std::int32_t point = 0; point < points.points; ++point) {
    const std::int32_t* place = points.at(point);
    for (std::size_t k = 0; k < points.axes.size(); ++k) at[points.axes[k]] = place[k + 1];
    std::int32_t block = 0;
    for (const int outer : nest.outer) {
      block = this->nest(outer).child[static_cast<std::size_t>(block)] + at[this->nest(outer).axes.back()];
    }
    std::int32_t& longest = nest.child[static_cast<std::size_t>(block) + 1];
    longest = std::max(longest, length(nest.axes.back(), place[0], at));
  }
  for (std::size_t block = 0; block < static_cast<std::size_t>(outer_blocks); ++block) {
    nest.child[block + 1] = checked_points(nest.child[block], nest.child[block + 1]);
  }
  nest.blocks = nest.child.back();
}

}  // namespace tapeloop
