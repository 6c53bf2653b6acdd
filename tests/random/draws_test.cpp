#include "runtime/draws.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

namespace tapeloop {
namespace {

constexpr PhiloxKey kKey = {1, 2};

std::vector<double> normals(std::int64_t points, std::int64_t elements) {
  std::vector<double> result(static_cast<std::size_t>(points * elements));
  for (std::int64_t i = 0; i < points; ++i) draw_normal(kKey, draw_point(i, {}), result.data() + i * elements, elements);
  return result;
}

TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}), (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Draws, NameHashIsFnv1a) {
  EXPECT_EQ(draw_name(""), 0xcbf29ce484222325U);
  EXPECT_EQ(draw_name("a"), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(draw_name("foobar"), 0x85944171f73967e8U);
}

TEST(Draws, FloatIsTheFirstBitsOfTheDouble) {
  std::vector<float> floats(1001);
  std::vector<double> doubles(1001);
  draw_uniform(kKey, draw_point(7, {}), floats.data(), 1001);
  draw_uniform(kKey, draw_point(7, {}), doubles.data(), 1001);
  for (std::size_t i = 0; i < floats.size(); ++i) EXPECT_EQ(floats[i], std::floor(doubles[i] * 0x1p24) * 0x1p-24);
}

TEST(Draws, AnElementDoesNotDependOnHowManyAreDrawn) {
  for (const std::int64_t count : {1, 2, 3, 5, 6, 7}) {
    std::vector<double> few(static_cast<std::size_t>(count) + 1, -9), many(8);
    draw_normal(kKey, draw_point(3, {}), few.data(), count);
    draw_normal(kKey, draw_point(3, {}), many.data(), 8);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) EXPECT_EQ(few[i], many[i]);
    EXPECT_EQ(few.back(), -9);
    draw_uniform(kKey, draw_point(3, {}), few.data(), count);
    draw_uniform(kKey, draw_point(3, {}), many.data(), 8);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) EXPECT_EQ(few[i], many[i]);
    EXPECT_EQ(few.back(), -9);
  }
}

TEST(Draws, SeedNameExamplePositionAndElementEachMatter) {
  std::set<double> seen;
  std::size_t drawn = 0;
  const auto draw = [&](std::uint64_t seed, const char* name, std::int64_t example, std::vector<std::int32_t> at) {
    std::vector<double> values(6);
    draw_uniform(draw_key(seed, draw_name(name)), draw_point(example, at), values.data(), 6);
    seen.insert(values.begin(), values.end());
    drawn += values.size();
  };
  for (const std::uint64_t seed : {0, 1, 2}) {
    for (const char* name : {"h", "d.h"}) {
      for (const std::int64_t example : {std::int64_t{0}, std::int64_t{1}, std::int64_t{1} << 32, (std::int64_t{1} << 32) + 1}) {
        for (std::int32_t i = 0; i < 4; ++i) {
          for (std::int32_t j = 0; j < 4; ++j) draw(seed, name, example, {i, j});
        }
      }
    }
  }
  EXPECT_EQ(seen.size(), drawn);
}

TEST(Draws, UniformsFillTheUnitIntervalEvenly) {
  constexpr std::int64_t kCount = 100000;
  std::vector<double> values(kCount);
  draw_uniform(kKey, draw_point(0, {}), values.data(), kCount);
  std::vector<double> bins(100);
  for (const double value : values) {
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    bins[static_cast<std::size_t>(value * 100)] += 1;
  }
  double chi2 = 0;
  for (const double bin : bins) chi2 += (bin - 1000) * (bin - 1000) / 1000;
  EXPECT_LT(chi2, 149);  // 99 degrees of freedom: 99.9%
}

TEST(Draws, NormalsHaveTheMomentsOfTheNormalDistribution) {
  const std::vector<double> values = normals(20000, 5);
  double moments[5] = {};
  for (const double value : values) {
    for (int k = 1; k <= 4; ++k) moments[k] += std::pow(value, k) / static_cast<double>(values.size());
  }
  EXPECT_NEAR(moments[1], 0, 0.01);
  EXPECT_NEAR(moments[2], 1, 0.02);
  EXPECT_NEAR(moments[3], 0, 0.04);
  EXPECT_NEAR(moments[4], 3, 0.1);
}

TEST(Draws, OwnLogarithmAndAngleAgreeWithTheLibrary) {
  std::vector<double> values(20000);
  draw_uniform(kKey, draw_point(0, {}), values.data(), static_cast<std::int64_t>(values.size()));
  for (const double edge : {0x1p-53, 0.5, 0.125, 0.375, 0.625, 0.875, 1.0 - 0x1p-53, 0.70710678118654746, 0.70710678118654757}) {
    values.push_back(edge);
  }
  for (const double value : values) {
    const double u = value == 0 ? 0.5 : value;
    EXPECT_NEAR(draw_log(u), std::log(u), 4e-16 * std::abs(std::log(u)));
    const DrawAngle angle = draw_angle(u);
    const double radians = 2 * 3.14159265358979323846 * u;
    EXPECT_NEAR(angle.sine, std::sin(radians), 2e-15);
    EXPECT_NEAR(angle.cosine, std::cos(radians), 2e-15);
    EXPECT_NEAR(angle.sine * angle.sine + angle.cosine * angle.cosine, 1, 1e-15);
  }
  EXPECT_EQ(draw_log(1.0), 0.0);
  EXPECT_EQ(draw_angle(0.25).sine, 1.0);
  EXPECT_EQ(draw_angle(0.5).cosine, -1.0);
}

}  // namespace
}  // namespace tapeloop
