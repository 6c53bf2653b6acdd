#include "runtime/tables.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/diagnostics.h"
#include "runtime/remapper.h"

namespace tapeloop {
namespace {

// Axes that a move of zeros is checked on: those it could have read a value on.
Space moved_space(const TableSpec& spec, Space reader, Space source) {
  if (spec.kind == TableSpec::Kind::kUnmove) return reader;
  if (spec.source != kNone) return source;
  Space space = reader;
  for (const Move& move : spec.moves) space = space.with(move.axis);
  for (const Outside& outside : spec.outsides) space = space.with(outside.axis);
  return space;
}

const Outside* outside_of(const std::vector<Outside>& outsides, AxisId axis) {
  for (const Outside& outside : outsides) {
    if (outside.axis == axis) return &outside;
  }
  return nullptr;
}

[[noreturn]] void raise_no_slot(const Plan& plan, AxisId axis, std::int32_t slots, std::int32_t slot) {
  Diagnostics diagnostics;
  const std::string& name = plan.axes[static_cast<std::size_t>(axis)].name;
  const std::int32_t beyond = slot < 0 ? slots - slot : slot + 1;
  diagnostics.error("E0710", plan.axes[static_cast<std::size_t>(axis)].source,
                    "a start along " + name + " has " + std::to_string(slots) + " positions, but position " + std::to_string(beyond) +
                        " outside the axis is read",
                    "give one start for all positions, without the dimension in front");
  raise_errors(diagnostics);
  throw std::logic_error("an error was not raised");
}

}  // namespace

Tables::Tables(const Plan& plan, const Extents& extents, TableId swapped) : plan_(plan), extents_(extents), swapped_(swapped) {
  for (const TableSpec& spec : plan.tables) {
    const Space reader = space_of(spec.kind == TableSpec::Kind::kUnmove ? spec.source : spec.reader);
    const Space moved = moved_space(spec, space_of(spec.reader), space_of(spec.source));
    const bool moves = spec.kind == TableSpec::Kind::kMove || spec.kind == TableSpec::Kind::kUnmove;
    table_movers_.emplace_back(extents, reader, moves ? moved : Space(), spec.moves);
    table_needs_.push_back(needed(spec));
  }
  for (const GroupSpec& spec : plan.groups) {
    const bool moves = spec.kind == GroupSpec::Kind::kMoveOutside;
    Space moved = moves ? Space::batch().with(spec.outside) : Space();
    if (moves) {
      for (const AxisId axis : spec.may_leave) moved = moved.with(axis);
    }
    group_movers_.emplace_back(extents, space_of(spec.source), moved, spec.moves);
    group_needs_.push_back(space_of(spec.result) | space_of(spec.source) | moved | measured_axes(spec.remap));
  }
  tables_.resize(plan.tables.size());
  groups_.resize(plan.groups.size());
}

Space Tables::space_of(LayoutId id) const { return id == kNone ? Space() : plan_.layouts[static_cast<std::size_t>(id)].space; }

Space Tables::needed(const TableSpec& spec) const {
  Space space = space_of(spec.reader) | space_of(spec.source);
  for (const LayoutId start : spec.starts) space = space | space_of(start);
  for (const Move& move : spec.moves) space = space.with(move.axis);
  for (const Outside& outside : spec.outsides) space = space.with(outside.axis);
  return space | measured_axes(spec.remap);
}

void Tables::build() {
  for (std::size_t k = 0; k < tables_.size(); ++k) {
    if (!extents_.ready(table_needs_[k]) || tables_[k].stamp >= extents_.stamp(table_needs_[k])) continue;
    build_table(static_cast<TableId>(k));
    tables_[k].stamp = extents_.stamp(table_needs_[k]);
    ++builds_;
  }
  for (std::size_t k = 0; k < groups_.size(); ++k) {
    if (!extents_.ready(group_needs_[k]) || groups_[k].stamp >= extents_.stamp(group_needs_[k])) continue;
    build_groups(static_cast<GroupId>(k));
    groups_[k].stamp = extents_.stamp(group_needs_[k]);
    ++builds_;
  }
}

void Tables::build_table(TableId id) {
  const TableSpec& spec = plan_.tables[static_cast<std::size_t>(id)];
  Table& table = tables_[static_cast<std::size_t>(id)];
  const auto points = static_cast<std::size_t>(extents_.layout(spec.reader).points());
  table.row.assign(points, 0);
  table.source.assign(points, kZerosSource);
  Mover& mover = table_movers_[static_cast<std::size_t>(id)];
  if (spec.kind == TableSpec::Kind::kSpread) fill_spread(spec, table);
  if (spec.kind == TableSpec::Kind::kMove) fill_move(spec, mover, table);
  if (spec.kind == TableSpec::Kind::kUnmove) fill_unmove(spec, mover, table);
  if (spec.kind == TableSpec::Kind::kRemap) fill_remap(spec, table);
  if (id == swapped_) swap_rows(spec, table);
  summarise(spec, table);
}

// The source row of a point at the reader's own position.
void Tables::fill_spread(const TableSpec& spec, Table& table) {
  const LayoutExtent& reader = extents_.layout(spec.reader);
  const LayoutExtent& source = extents_.layout(spec.source);
  const SpaceExtent& points = extents_.points(reader);
  const SpaceExtent& read = extents_.points(source);
  std::int32_t at[kMaxAxes];
  for (std::size_t point = 0; point < table.row.size(); ++point) {
    const std::int32_t* place = points.at(reader.canonical[point]);
    for (std::size_t k = 0; k < points.axes.size(); ++k) at[points.axes[k]] = place[k + 1];
    table.row[point] = source.point_of[static_cast<std::size_t>(extents_.index(read, place[0], at))];
    table.source[point] = 0;
  }
}

void Tables::fill_move(const TableSpec& spec, Mover& mover, Table& table) {
  const LayoutExtent& reader = extents_.layout(spec.reader);
  const SpaceExtent& points = extents_.points(reader);
  const LayoutExtent* source = layout(spec.source);
  for (std::size_t point = 0; point < table.row.size(); ++point) {
    const std::int32_t* place = points.at(reader.canonical[point]);
    mover.go(place);
    if (mover.left() == kNone) {
      if (!source) continue;
      table.row[point] = source->point_of[static_cast<std::size_t>(extents_.index(extents_.points(*source), mover.row(), mover.at()))];
      table.source[point] = 0;
      continue;
    }
    const Outside* outside = outside_of(spec.outsides, mover.left());
    if (!outside) continue;
    const LayoutId start = spec.starts[static_cast<std::size_t>(outside->operand) - 1];
    table.row[point] = start_row(start, points, place, mover, outside->slots);
    table.source[point] = static_cast<std::int8_t>(outside->operand);
  }
}

// Row of a start value at the reader's own position, times slots plus slot.
std::int32_t Tables::start_row(LayoutId start, const SpaceExtent& points, const std::int32_t* place, const Mover& mover,
                               std::int32_t slots) const {
  std::int32_t row = 0;
  if (const LayoutExtent* order = layout(start)) {
    std::int32_t at[kMaxAxes];
    for (std::size_t k = 0; k < points.axes.size(); ++k) at[points.axes[k]] = place[k + 1];
    row = order->point_of[static_cast<std::size_t>(extents_.index(extents_.points(*order), place[0], at))];
  }
  if (slots == 0) return row;
  const std::int32_t slot = mover.slot(slots);
  if (slot < 0 || slot >= slots) raise_no_slot(plan_, mover.left(), slots, slot);
  return row * slots + slot;
}

// Found the other way round: each point of the move's result writes itself where it read.
void Tables::fill_unmove(const TableSpec& spec, Mover& mover, Table& table) {
  const LayoutExtent& reader = extents_.layout(spec.reader);
  const LayoutExtent& result = extents_.layout(spec.source);
  const SpaceExtent& places = extents_.points(result);
  const SpaceExtent& read = extents_.points(reader);
  for (std::int32_t point = 0; point < result.points(); ++point) {
    mover.go(places.at(result.canonical[static_cast<std::size_t>(point)]));
    if (mover.left() != kNone) continue;
    const std::int32_t target = reader.point_of[static_cast<std::size_t>(extents_.index(read, mover.row(), mover.at()))];
    if (table.source[static_cast<std::size_t>(target)] == 0) throw std::logic_error("two points of a move read the same point");
    table.row[static_cast<std::size_t>(target)] = point;
    table.source[static_cast<std::size_t>(target)] = 0;
  }
}

void Tables::fill_remap(const TableSpec& spec, Table& table) {
  const LayoutExtent& reader = extents_.layout(spec.reader);
  const LayoutExtent& source = extents_.layout(spec.source);
  Remapper remapper(extents_, extents_.points(reader), spec.remap);
  for (std::size_t point = 0; point < table.row.size(); ++point) {
    if (!remapper.go(reader.canonical[point])) continue;
    const std::int32_t found = extents_.index(extents_.points(source), remapper.row(), remapper.at());
    table.row[point] = source.point_of[static_cast<std::size_t>(found)];
    table.source[point] = 0;
  }
}

// The first two neighbours within a block that differ.
void Tables::swap_rows(const TableSpec& spec, Table& table) {
  const std::vector<std::int32_t>& start = extents_.layout(spec.reader).start[static_cast<std::size_t>(spec.depth)];
  for (std::size_t block = 0; block + 1 < start.size(); ++block) {
    for (auto point = static_cast<std::size_t>(start[block]) + 1; point < static_cast<std::size_t>(start[block + 1]); ++point) {
      if (table.row[point] == table.row[point - 1] && table.source[point] == table.source[point - 1]) continue;
      std::swap(table.row[point], table.row[point - 1]);
      std::swap(table.source[point], table.source[point - 1]);
      return;
    }
  }
}

// Of the blocks that are resolved together the first one stands for all.
void Tables::summarise(const TableSpec& spec, Table& table) {
  const LayoutExtent& reader = extents_.layout(spec.reader);
  const auto depth = static_cast<std::size_t>(spec.depth);
  const std::vector<std::int32_t>& start = reader.start[depth];
  const auto blocks = static_cast<std::int32_t>(start.size()) - 1;
  table.blocks.assign(start.size() - 1, TableBlock());
  if (depth == 0) return summarise(start, 0, blocks, 1, table);
  const NestExtent& nest = extents_.nest(reader.nests[depth - 1]);
  for (std::size_t outer = 0; outer + 1 < nest.child.size(); ++outer) {
    summarise(start, nest.child[outer], nest.child[outer + 1], spec.together, table);
  }
}

void Tables::summarise(const std::vector<std::int32_t>& start, std::int32_t first, std::int32_t last, std::int32_t together, Table& table) {
  for (std::int32_t block = first; block < last; block += together) {
    const auto begin = static_cast<std::size_t>(start[static_cast<std::size_t>(block)]);
    const auto end = static_cast<std::size_t>(start[static_cast<std::size_t>(std::min(block + together, last))]);
    if (begin == end) continue;
    bool run = true;
    bool same = true;
    for (std::size_t point = begin + 1; point < end && (run || same); ++point) {
      const bool one_source = table.source[point] == table.source[begin];
      run = run && one_source && table.row[point] - table.row[begin] == static_cast<std::int32_t>(point - begin);
      same = same && one_source && table.row[point] == table.row[begin];
    }
    const TableBlock::Kind kind = run ? TableBlock::Kind::kRun : same ? TableBlock::Kind::kSame : TableBlock::Kind::kMixed;
    table.blocks[static_cast<std::size_t>(block)] = {kind, table.source[begin], table.row[begin]};
  }
}

void Tables::build_groups(GroupId id) {
  const GroupSpec& spec = plan_.groups[static_cast<std::size_t>(id)];
  Groups& groups = groups_[static_cast<std::size_t>(id)];
  const auto results = static_cast<std::size_t>(spec.result == kNone ? 1 : extents_.layout(spec.result).points());
  assigned_.assign(static_cast<std::size_t>(spec.source == kNone ? 1 : extents_.layout(spec.source).points()), kNone);
  if (spec.kind == GroupSpec::Kind::kReduce) assign_reduce(spec);
  if (spec.kind == GroupSpec::Kind::kMoveOutside) assign_outside(spec, group_movers_[static_cast<std::size_t>(id)]);
  if (spec.kind == GroupSpec::Kind::kUnremap) assign_unremap(spec);
  groups.first.assign(results * static_cast<std::size_t>(std::max(spec.slots, 1)) + 1, 0);
  for (const std::int32_t group : assigned_) {
    if (group != kNone) ++groups.first[static_cast<std::size_t>(group) + 1];
  }
  for (std::size_t group = 1; group < groups.first.size(); ++group) groups.first[group] += groups.first[group - 1];
  next_.assign(groups.first.begin(), groups.first.end());
  groups.member.resize(static_cast<std::size_t>(groups.first.back()));
  for (std::size_t point = 0; point < assigned_.size(); ++point) {
    if (assigned_[point] == kNone) continue;
    std::int32_t& at = next_[static_cast<std::size_t>(assigned_[point])];
    groups.member[static_cast<std::size_t>(at++)] = static_cast<std::int32_t>(point);
  }
}

void Tables::assign_reduce(const GroupSpec& spec) {
  const LayoutExtent* result = layout(spec.result);
  const LayoutExtent* source = layout(spec.source);
  if (!result || !source) {
    std::fill(assigned_.begin(), assigned_.end(), 0);
    return;
  }
  const SpaceExtent& points = extents_.points(*source);
  const SpaceExtent& results = extents_.points(*result);
  std::int32_t at[kMaxAxes];
  for (std::size_t point = 0; point < assigned_.size(); ++point) {
    const std::int32_t* place = points.at(source->canonical[point]);
    for (std::size_t k = 0; k < points.axes.size(); ++k) at[points.axes[k]] = place[k + 1];
    assigned_[point] = result->point_of[static_cast<std::size_t>(extents_.index(results, place[0], at))];
  }
}

void Tables::assign_outside(const GroupSpec& spec, Mover& mover) {
  const LayoutExtent* source = layout(spec.source);
  if (!source) throw std::logic_error("a move without a batch");
  const SpaceExtent& points = extents_.points(*source);
  for (std::size_t point = 0; point < assigned_.size(); ++point) {
    const std::int32_t* place = points.at(source->canonical[point]);
    mover.go(place);
    if (mover.left() == spec.outside) assigned_[point] = start_row(spec.result, points, place, mover, spec.slots);
  }
}

void Tables::assign_unremap(const GroupSpec& spec) {
  const LayoutExtent& result = extents_.layout(spec.result);
  const LayoutExtent& source = extents_.layout(spec.source);
  Remapper remapper(extents_, extents_.points(source), spec.remap);
  for (std::size_t point = 0; point < assigned_.size(); ++point) {
    if (!remapper.go(source.canonical[point])) continue;
    const std::int32_t read = extents_.index(extents_.points(result), remapper.row(), remapper.at());
    assigned_[point] = result.point_of[static_cast<std::size_t>(read)];
  }
}

}  // namespace tapeloop
