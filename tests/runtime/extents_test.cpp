#include "runtime/extents.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <tuple>

#include "core/diagnostics.h"
#include "tests/runtime/places.h"

namespace tapeloop::test {
namespace {

using ::testing::ElementsAre;

constexpr AxisId kT = 0;
constexpr AxisId kU = 1;

Plan plan_of(std::vector<Axis> axes, std::vector<Layout> layouts) {
  Plan plan;
  plan.axes = std::move(axes);
  plan.layouts = std::move(layouts);
  return plan;
}

// Row and positions of every point, in the layout's order.
std::vector<std::vector<std::int32_t>> order(const Extents& extents, LayoutId layout) {
  std::vector<std::vector<std::int32_t>> result;
  for (std::int32_t point = 0; point < extents.layout(layout).points(); ++point) {
    const Place place = place_at(extents, layout, point);
    result.push_back({place.row});
    for (const auto& [axis, position] : place.at) result.back().push_back(position);
  }
  return result;
}

TEST(Extents, StepsGoPositionByPositionLongestRowsFirst) {
  const Plan plan = plan_of({axis("t")}, {{space_of({kT}), {kT}, {}}});
  Extents extents(plan);
  extents.start(3);
  extents.set_lengths(kT, std::vector<std::int32_t>{1, 3, 2});
  EXPECT_THAT(order(extents, 0), ElementsAre(ElementsAre(1, 0), ElementsAre(2, 0), ElementsAre(0, 0), ElementsAre(1, 1), ElementsAre(2, 1),
                                             ElementsAre(1, 2)));
  EXPECT_THAT(extents.layout(0).start[1], ElementsAre(0, 3, 5, 6));
  EXPECT_EQ(extents.layout(0).largest_block[1], 3);
  EXPECT_THAT(extents.nest(extents.nest_id({kT})).child, ElementsAre(0, 3));
}

TEST(Extents, RowsOfEqualLengthKeepTheirOrder) {
  const Plan plan = plan_of({axis("t")}, {{Space::batch(), {}, {}}, {space_of({kT}), {}, {kT}}});
  Extents extents(plan);
  extents.start(4);
  extents.set_lengths(kT, std::vector<std::int32_t>{2, 5, 2, 5});
  EXPECT_THAT(extents.ranked_rows(), ElementsAre(1, 3, 0, 2));
  EXPECT_THAT(extents.layout(0).canonical, ElementsAre(1, 3, 0, 2));
  EXPECT_THAT(extents.layout(1).start[0], ElementsAre(0, 14));
}

// lengths of t: 2 1; of u at (row, t): (0,0): 1, (0,1): 3, (1,0): 2
class NestedExtents : public ::testing::Test {
 protected:
  Extents make(Layout layout) {
    plan_ = plan_of({axis("t"), axis("u", kT)}, {std::move(layout)});
    Extents extents(plan_);
    extents.start(2);
    extents.set_lengths(kT, std::vector<std::int32_t>{2, 1});
    extents.set_lengths(kU, std::vector<std::int32_t>{1, 3, 2});
    return extents;
  }
  Plan plan_;
};

TEST_F(NestedExtents, RunsStandRowByRow) {
  const Extents extents = make({space_of({kT, kU}), {}, {kT, kU}});
  EXPECT_THAT(order(extents, 0), ElementsAre(ElementsAre(0, 0, 0), ElementsAre(0, 1, 0), ElementsAre(0, 1, 1), ElementsAre(0, 1, 2),
                                             ElementsAre(1, 0, 0), ElementsAre(1, 0, 1)));
}

TEST_F(NestedExtents, AScanInsideAScanSortsEveryBlockAnew) {
  const Extents extents = make({space_of({kT, kU}), {kT, kU}, {}});
  EXPECT_THAT(order(extents, 0), ElementsAre(ElementsAre(1, 0, 0), ElementsAre(0, 0, 0), ElementsAre(1, 0, 1),  // t = 0
                                             ElementsAre(0, 1, 0), ElementsAre(0, 1, 1), ElementsAre(0, 1, 2)));
  EXPECT_THAT(extents.layout(0).start[1], ElementsAre(0, 3, 6));
  EXPECT_THAT(extents.layout(0).start[2], ElementsAre(0, 2, 3, 4, 5, 6));
  EXPECT_THAT(extents.nest(extents.nest_id({kT, kU})).child, ElementsAre(0, 2, 5));
}

TEST_F(NestedExtents, AScanAlongTheInnerAxisAloneTakesAllOuterPositionsAsRows) {
  const Extents extents = make({space_of({kT, kU}), {kU}, {kT}});
  EXPECT_THAT(order(extents, 0), ElementsAre(ElementsAre(0, 1, 0), ElementsAre(1, 0, 0), ElementsAre(0, 0, 0), ElementsAre(0, 1, 1),
                                             ElementsAre(1, 0, 1), ElementsAre(0, 1, 2)));
  EXPECT_THAT(extents.layout(0).start[1], ElementsAre(0, 3, 5, 6));
}

TEST_F(NestedExtents, RunsInsideAStepStandBehindEachOther) {
  const Extents extents = make({space_of({kT, kU}), {kT}, {kU}});
  EXPECT_THAT(order(extents, 0), ElementsAre(ElementsAre(0, 0, 0), ElementsAre(1, 0, 0), ElementsAre(1, 0, 1), ElementsAre(0, 1, 0),
                                             ElementsAre(0, 1, 1), ElementsAre(0, 1, 2)));
}

TEST(Extents, TheSameLengthsAgainBuildNothing) {
  const Plan plan = plan_of({axis("t"), axis("u", kT)}, {{space_of({kT, kU}), {kT, kU}, {}}, {Space::batch(), {}, {}}});
  Extents extents(plan);
  std::mt19937 random(5);
  const Ragged ragged(plan.axes, 4, 5, random);
  ragged.give(extents);
  const std::int64_t before = extents.builds();
  ragged.give(extents);
  EXPECT_EQ(extents.builds(), before);
  Ragged(plan.axes, 4, 5, random).give(extents);
  EXPECT_GT(extents.builds(), before);
}

TEST(Extents, LengthsOfAnInnerAxisMayComeLater) {
  const Plan plan = plan_of({axis("t"), axis("u", kT)}, {{space_of({kT}), {kT}, {}}, {space_of({kT, kU}), {kT}, {kU}}});
  Extents extents(plan);
  extents.start(2);
  EXPECT_FALSE(extents.ready(space_of({kT})));
  extents.set_lengths(kT, std::vector<std::int32_t>{1, 2});
  EXPECT_TRUE(extents.ready(space_of({kT})));
  EXPECT_FALSE(extents.ready(space_of({kT, kU})));
  EXPECT_EQ(extents.layout(0).points(), 3);
  extents.set_lengths(kU, std::vector<std::int32_t>{0, 4, 0});
  EXPECT_EQ(extents.layout(1).points(), 4);
  EXPECT_EQ(extents.longest(kU), 4);
}

TEST(Extents, EmptyBatchesAndEmptyRuns) {
  const Plan plan = plan_of({axis("t"), axis("u", kT)}, {{space_of({kT, kU}), {kT, kU}, {}}, {Space::batch(), {}, {}}});
  Extents extents(plan);
  extents.start(0);
  extents.set_lengths(kT, {});
  extents.set_lengths(kU, {});
  EXPECT_EQ(extents.layout(0).points(), 0);
  EXPECT_THAT(extents.layout(0).start[2], ElementsAre(0));
  extents.start(2);
  extents.set_lengths(kT, std::vector<std::int32_t>{0, 0});
  extents.set_lengths(kU, {});
  EXPECT_EQ(extents.layout(0).points(), 0);
  EXPECT_EQ(extents.layout(1).points(), 2);
}

TEST(Extents, MorePositionsThanCanBeNumberedAreAnError) {
  const Plan plan = plan_of({axis("t")}, {{space_of({kT}), {kT}, {}}});
  Extents extents(plan);
  extents.start(2);
  EXPECT_THROW(extents.set_lengths(kT, std::vector<std::int32_t>{2147483647, 2}), ModelError);
}

// Every layout holds each place once, its blocks hold what stands at their positions, and its places are found again.
class RandomExtents : public ::testing::TestWithParam<unsigned> {};

TEST_P(RandomExtents, LayoutsHoldEveryPlaceOnceInTheBlockOfItsPositions) {
  std::mt19937 random(GetParam());
  // t, u within t, v within u, s
  const std::vector<Axis> axes = {axis("t"), axis("u", 0), axis("v", 1), axis("s")};
  const std::vector<std::vector<AxisId>> spaces = {{}, {0}, {3}, {0, 1}, {0, 3}, {0, 1, 3}, {0, 1, 2}};
  Plan plan;
  plan.axes = axes;
  for (const std::vector<AxisId>& space : spaces) {
    std::vector<AxisId> steps = space;
    std::shuffle(steps.begin(), steps.end(), random);
    std::vector<AxisId> runs;
    for (auto left = random() % (steps.size() + 1); left > 0; --left) {
      runs.push_back(steps.back());
      steps.pop_back();
    }
    std::sort(runs.begin(), runs.end());
    plan.layouts.push_back({space_of(space), steps, runs});
  }
  Extents extents(plan);
  for (int batch = 0; batch < 3; ++batch) {
    const Ragged ragged(axes, static_cast<std::int32_t>(random() % 4), 4, random);
    ragged.give(extents);
    for (std::size_t k = 0; k < spaces.size(); ++k) {
      const auto id = static_cast<LayoutId>(k);
      const LayoutExtent& layout = extents.layout(id);
      std::vector<Place> found;
      for (std::int32_t point = 0; point < layout.points(); ++point) found.push_back(place_at(extents, id, point));
      for (std::size_t depth = 0; depth <= layout.layout.steps.size(); ++depth) {
        for (std::size_t block = 0; block + 1 < layout.start[depth].size(); ++block) {
          for (std::int32_t point = layout.start[depth][block]; point < layout.start[depth][block + 1]; ++point) {
            std::int32_t at = 0;
            for (std::size_t d = 0; d < depth; ++d) {
              const NestExtent& nest = extents.nest(layout.nests[d]);
              at = nest.child[static_cast<std::size_t>(at)] + found[static_cast<std::size_t>(point)].at.at(layout.layout.steps[d]);
            }
            EXPECT_EQ(at, static_cast<std::int32_t>(block));
          }
        }
      }
      std::sort(found.begin(), found.end());
      std::vector<Place> expected = ragged.places(layout.layout.space);
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(found, expected);
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomExtents, ::testing::Range(0U, 40U));

}  // namespace
}  // namespace tapeloop::test
