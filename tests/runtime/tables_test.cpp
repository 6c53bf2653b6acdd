#include "runtime/tables.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <optional>

#include "core/diagnostics.h"
#include "tests/runtime/places.h"

namespace tapeloop::test {
namespace {

using ::testing::ElementsAre;

constexpr AxisId kT = 0;
constexpr AxisId kU = 1;
constexpr Move::From kHere = Move::From::kHere;
constexpr Move::From kStart = Move::From::kStart;
constexpr Move::From kEnd = Move::From::kEnd;

// One row of lengths 1 3 2 along t; layout 0 steps along t, layout 1 is on the batch, layout 2 has t as runs.
class OneAxisTables : public ::testing::Test {
 protected:
  OneAxisTables() {
    plan_.axes = {axis("t")};
    plan_.layouts = {{space_of({kT}), {kT}, {}}, {Space::batch(), {}, {}}, {space_of({kT}), {}, {kT}}};
  }
  const Table& build(TableSpec spec, TableId swapped = kNone) {
    plan_.tables = {std::move(spec)};
    return built(swapped).table(0);
  }
  const Groups& build(GroupSpec spec) {
    plan_.groups = {std::move(spec)};
    return built(kNone).groups(0);
  }
  Tables& built(TableId swapped) {
    extents_.emplace(plan_);
    extents_->start(3);
    extents_->set_lengths(kT, std::vector<std::int32_t>{1, 3, 2});
    tables_.emplace(plan_, *extents_, swapped);
    tables_->build();
    return *tables_;
  }
  TableSpec tap(std::int32_t offset, int depth) {
    TableSpec spec;
    spec.kind = TableSpec::Kind::kMove;
    spec.reader = 0;
    spec.source = 0;
    spec.moves = {{kT, kHere, offset}};
    spec.depth = depth;
    return spec;
  }
  Plan plan_;
  std::optional<Extents> extents_;
  std::optional<Tables> tables_;
};

// Points of layout 0:  0: row 1, t 0   1: row 2, t 0   2: row 0, t 0   3: row 1, t 1   4: row 2, t 1   5: row 1, t 2
TEST_F(OneAxisTables, ATapOfThePastReadsThePrefixOfTheBlockBefore) {
  const Table& table = build(tap(-1, 1));
  EXPECT_THAT(table.source, ElementsAre(-1, -1, -1, 0, 0, 0));
  EXPECT_THAT(std::vector(table.row.begin() + 3, table.row.end()), ElementsAre(0, 1, 3));
  ASSERT_EQ(table.blocks.size(), 3U);
  EXPECT_EQ(table.blocks[0].kind, TableBlock::Kind::kSame);
  EXPECT_EQ(table.blocks[0].source, kZerosSource);
  EXPECT_EQ(table.blocks[1].kind, TableBlock::Kind::kRun);
  EXPECT_EQ(table.blocks[1].first, 0);
  EXPECT_EQ(table.blocks[2].first, 3);
}

TEST_F(OneAxisTables, ATapOfTheFutureIsMixedWhereRowsEnd) {
  const Table& table = build(tap(1, 1));
  EXPECT_THAT(table.source, ElementsAre(0, 0, -1, 0, -1, -1));
  EXPECT_EQ(table.blocks[0].kind, TableBlock::Kind::kMixed);
  EXPECT_EQ(table.blocks[2].source, kZerosSource);
}

TEST_F(OneAxisTables, AStartWithSlotsIsReadInTheOrderOfThePositions) {
  TableSpec spec = tap(-2, 1);
  spec.outsides = {{kT, 1, 2}};
  spec.starts = {1};  // on the batch: rows stand in the order 1 2 0
  const Table& table = build(spec);
  EXPECT_THAT(table.source, ElementsAre(1, 1, 1, 1, 1, 0));
  EXPECT_THAT(table.row, ElementsAre(0, 2, 4, 1, 3, 0));  // row * 2 + slot: position -2 is slot 0, -1 is slot 1
  spec.outsides[0].slots = 1;
  EXPECT_THROW(build(spec), ModelError);
}

TEST_F(OneAxisTables, TheLastOfARunRemovesTheAxis) {
  TableSpec spec;
  spec.kind = TableSpec::Kind::kMove;
  spec.reader = 1;
  spec.source = 0;
  spec.moves = {{kT, kEnd, -1}};
  EXPECT_THAT(build(spec).row, ElementsAre(5, 4, 2));
  spec.moves = {{kT, kEnd, -2}};  // row 0 has no position before the last
  EXPECT_THAT(build(spec).source, ElementsAre(0, 0, -1));
  spec.moves = {{kT, kStart, 0}};
  EXPECT_THAT(build(spec).row, ElementsAre(0, 1, 2));
}

TEST_F(OneAxisTables, TheTransposeOfAMoveFindsThePointThatRead) {
  TableSpec spec = tap(-1, 0);
  spec.kind = TableSpec::Kind::kUnmove;
  const Table& table = build(spec);
  EXPECT_THAT(table.source, ElementsAre(0, 0, -1, 0, -1, -1));
  EXPECT_EQ(table.row[0], 3);
  EXPECT_EQ(table.row[1], 4);
  EXPECT_EQ(table.row[3], 5);
}

TEST_F(OneAxisTables, AnotherOrderOfTheSamePointsIsATableToo) {
  TableSpec spec;
  spec.reader = 2;
  spec.source = 0;
  const Table& table = build(spec);  // rows by rank: 1 1 1 2 2 0
  EXPECT_THAT(table.row, ElementsAre(0, 3, 5, 1, 4, 2));
  spec.source = 2;
  EXPECT_EQ(build(spec).blocks[0].kind, TableBlock::Kind::kRun);
}

TEST_F(OneAxisTables, TwoSwappedRowsCanBeAskedFor) {
  const std::vector<std::int32_t> right = build(tap(-1, 1)).row;
  const std::vector<std::int32_t> wrong = build(tap(-1, 1), 0).row;
  EXPECT_NE(right, wrong);
}

TEST_F(OneAxisTables, GroupsOfASumAreAscending) {
  GroupSpec spec;
  spec.result = 1;
  spec.source = 0;
  const Groups& groups = build(spec);
  EXPECT_THAT(groups.first, ElementsAre(0, 3, 5, 6));
  EXPECT_THAT(groups.member, ElementsAre(0, 3, 5, 1, 4, 2));
}

TEST_F(OneAxisTables, GroupsOfAStartAreThePointsThatReadEachSlot) {
  GroupSpec spec;
  spec.kind = GroupSpec::Kind::kMoveOutside;
  spec.result = kNone;  // a start in P
  spec.source = 0;
  spec.moves = {{kT, kHere, -2}};
  spec.outside = kT;
  spec.may_leave = {kT};
  spec.slots = 2;
  const Groups& groups = build(spec);
  EXPECT_THAT(groups.first, ElementsAre(0, 3, 5));
  EXPECT_THAT(groups.member, ElementsAre(0, 1, 2, 3, 4));
}

// What a move means, word for word as in the language's definition.
struct NaiveRead {
  std::int32_t source = -1;  // 0: the value at `place`; k: start k, slot
  Place place;
  std::int32_t slot = 0;
};

NaiveRead naive_move(const Ragged& ragged, Space moved, const TableSpec& spec, const Place& reader) {
  NaiveRead read;
  read.place.row = reader.row;
  Place measured = reader;  // ends of runs are measured at the reader, or where the axis was moved to if the reader lacks it
  AxisId left = kNone;
  for (const AxisId id : moved.axes()) {
    std::int32_t& position = read.place.at[id];
    position = reader.at.contains(id) ? reader.at.at(id) : 0;
    for (const Move& move : spec.moves) {
      if (move.axis != id) continue;
      if (move.from == kHere) position += move.offset;
      if (move.from == kStart) position = move.offset;
      if (move.from == kEnd && left == kNone) position = ragged.length(id, measured) + move.offset;
    }
    if (!measured.at.contains(id)) measured.at[id] = position;
    if (left == kNone && (position < 0 || position >= ragged.length(id, read.place))) left = id;
  }
  if (left == kNone) {
    read.source = 0;
    return read;
  }
  for (const Outside& outside : spec.outsides) {
    if (outside.axis != left) continue;
    read.source = outside.operand;
    const std::int32_t position = read.place.at[left];
    read.slot = position < 0 ? position + outside.slots : position - ragged.length(left, read.place);
  }
  return read;
}

Place restricted(const Place& place, Space space) {
  Place result;
  result.row = place.row;
  for (const AxisId id : space.axes()) result.at[id] = place.at.at(id);
  return result;
}

// Axes t, u within t, s. Values on [t, u, s]; the reader keeps some axes, moves others to an end.
class RandomTables : public ::testing::TestWithParam<unsigned> {
 protected:
  Layout random_layout(std::vector<AxisId> axes) {
    Layout layout;
    layout.space = space_of(axes);
    std::shuffle(axes.begin(), axes.end(), random_);
    const std::size_t steps = random_() % (axes.size() + 1);
    layout.steps.assign(axes.begin(), axes.begin() + static_cast<std::ptrdiff_t>(steps));
    layout.runs.assign(axes.begin() + static_cast<std::ptrdiff_t>(steps), axes.end());
    std::sort(layout.runs.begin(), layout.runs.end());
    return layout;
  }
  std::mt19937 random_{GetParam()};
};

TEST_P(RandomTables, AgreeWithTheDefinitionPlaceByPlace) {
  Plan plan;
  plan.axes = {axis("t"), axis("u", kT), axis("s")};
  const std::vector<std::vector<AxisId>> values = {{0}, {0, 1}, {0, 2}, {0, 1, 2}, {2}};
  const std::vector<AxisId> moved = values[random_() % values.size()];
  TableSpec spec;
  spec.kind = TableSpec::Kind::kMove;
  std::vector<AxisId> reader;
  const std::size_t drop = random_() % 3;  // 0: none; 1: the last axis read at an end; 2: every axis
  for (std::size_t k = 0; k < moved.size(); ++k) {
    const bool dropped = drop == 2 || (drop == 1 && k + 1 == moved.size());
    const std::int32_t offset = static_cast<std::int32_t>(random_() % 5) - 2;
    if (!dropped) reader.push_back(moved[k]);
    if (dropped) spec.moves.push_back(random_() % 2 == 0 ? Move{moved[k], kEnd, offset - 1} : Move{moved[k], kStart, offset});
    if (!dropped && random_() % 3 != 0) spec.moves.push_back({moved[k], kHere, offset});
  }
  plan.layouts = {random_layout(reader), random_layout(moved)};
  spec.reader = 0;
  spec.source = 1;
  for (const AxisId id : moved) {
    if (random_() % 2 == 0) continue;
    std::vector<AxisId> start;
    for (const AxisId other : reader) {
      const bool inner = plan.axes[static_cast<std::size_t>(other)].within == id;
      const bool orphan = other == kU && std::find(start.begin(), start.end(), kT) == start.end();
      if (other != id && !inner && !orphan && random_() % 2 == 0) start.push_back(other);
    }
    spec.starts.push_back(static_cast<LayoutId>(plan.layouts.size()));
    plan.layouts.push_back(random_layout(start));
    spec.outsides.push_back({id, static_cast<std::int32_t>(spec.starts.size()), random_() % 2 == 0 ? 0 : 9});
  }
  TableSpec unmove = spec;
  unmove.kind = TableSpec::Kind::kUnmove;
  std::swap(unmove.reader, unmove.source);
  plan.tables = {spec, unmove};
  for (const Outside& outside : spec.outsides) {
    GroupSpec group;
    group.kind = GroupSpec::Kind::kMoveOutside;
    group.result = spec.starts[static_cast<std::size_t>(outside.operand) - 1];
    group.source = 0;
    group.moves = spec.moves;
    group.outside = outside.axis;
    group.may_leave = moved;
    group.slots = outside.slots;
    plan.groups.push_back(group);
  }
  Extents extents(plan);
  Tables tables(plan, extents);
  for (int batch = 0; batch < 3; ++batch) {
    const Ragged ragged(plan.axes, static_cast<std::int32_t>(random_() % 4), 4, random_);
    ragged.give(extents);
    tables.build();
    const Table& table = tables.table(0);
    std::vector<std::int32_t> read_by(static_cast<std::size_t>(extents.layout(1).points()), kNone);
    std::vector<std::vector<std::vector<std::int32_t>>> outside_readers(spec.starts.size());
    for (std::size_t k = 0; k < spec.starts.size(); ++k) {
      const auto rows = static_cast<std::size_t>(extents.layout(spec.starts[k]).points());
      outside_readers[k].resize(rows * static_cast<std::size_t>(std::max(spec.outsides[k].slots, 1)));
    }
    for (std::int32_t point = 0; point < extents.layout(0).points(); ++point) {
      const Place place = place_at(extents, 0, point);
      const NaiveRead naive = naive_move(ragged, space_of(moved), spec, place);
      const std::int32_t row = table.row[static_cast<std::size_t>(point)];
      ASSERT_EQ(table.source[static_cast<std::size_t>(point)], naive.source);
      if (naive.source == 0) {
        EXPECT_EQ(place_at(extents, 1, row), naive.place);
        read_by[static_cast<std::size_t>(row)] = point;
      } else if (naive.source > 0) {
        const auto k = static_cast<std::size_t>(naive.source) - 1;
        const std::int32_t slots = std::max(spec.outsides[k].slots, 1);
        const LayoutId start = spec.starts[k];
        EXPECT_EQ(place_at(extents, start, row / slots), restricted(place, plan.layouts[static_cast<std::size_t>(start)].space));
        if (slots > 1) {
          EXPECT_EQ(row % slots, naive.slot);
        }
        outside_readers[k][static_cast<std::size_t>(row)].push_back(point);
      }
    }
    for (std::size_t point = 0; point < read_by.size(); ++point) {
      EXPECT_EQ(tables.table(1).source[point], read_by[point] == kNone ? -1 : 0);
      if (read_by[point] != kNone) {
        EXPECT_EQ(tables.table(1).row[point], read_by[point]);
      }
    }
    for (std::size_t k = 0; k < outside_readers.size(); ++k) {
      const Groups& groups = tables.groups(static_cast<GroupId>(k));
      for (std::size_t g = 0; g < outside_readers[k].size(); ++g) {
        const std::vector<std::int32_t> members(groups.member.begin() + groups.first[g], groups.member.begin() + groups.first[g + 1]);
        EXPECT_EQ(members, outside_readers[k][g]);
      }
    }
  }
}

TEST_P(RandomTables, SpreadsAndSumsAreEachOthersTransposes) {
  Plan plan;
  plan.axes = {axis("t"), axis("u", kT), axis("s")};
  const std::vector<std::vector<AxisId>> larger = {{0}, {0, 1}, {0, 2}, {0, 1, 2}};
  const std::vector<std::vector<AxisId>> smaller = {{}, {0}, {0}, {0, 2}};
  const std::size_t pick = random_() % larger.size();
  plan.layouts = {random_layout(larger[pick]), random_layout(smaller[pick])};
  TableSpec spread;
  spread.reader = 0;
  spread.source = 1;
  plan.tables = {spread};
  GroupSpec sum;
  sum.result = 1;
  sum.source = 0;
  plan.groups = {sum};
  Extents extents(plan);
  Tables tables(plan, extents);
  const Ragged ragged(plan.axes, 3, 4, random_);
  ragged.give(extents);
  tables.build();
  std::size_t members = 0;
  const Groups& groups = tables.groups(0);
  for (std::int32_t result = 0; result < extents.layout(1).points(); ++result) {
    for (std::int32_t k = groups.first[static_cast<std::size_t>(result)]; k < groups.first[static_cast<std::size_t>(result) + 1]; ++k) {
      EXPECT_EQ(tables.table(0).row[static_cast<std::size_t>(groups.member[static_cast<std::size_t>(k)])], result);
      ++members;
    }
  }
  EXPECT_EQ(members, tables.table(0).row.size());
  const std::int64_t before = tables.builds();
  ragged.give(extents);
  tables.build();
  EXPECT_EQ(tables.builds(), before);
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomTables, ::testing::Range(0U, 200U));

}  // namespace
}  // namespace tapeloop::test
