#include "runtime/training/schedule.h"

#include <gtest/gtest.h>

#include <string>

#include "runtime/training/name_pattern.h"

namespace tapeloop {
namespace {

TEST(Schedule, WarmsUpThenStaysConstant) {
  Schedule schedule;
  schedule.warmup = 4;
  EXPECT_EQ(schedule.at(0), 0.25);
  EXPECT_EQ(schedule.at(3), 1);
  EXPECT_EQ(schedule.at(1000), 1);
}

TEST(Schedule, LinearAndCosineEndAtTheLastShare) {
  for (const Schedule::Rule rule : {Schedule::Rule::kLinear, Schedule::Rule::kCosine}) {
    Schedule schedule;
    schedule.rule = rule;
    schedule.warmup = 2;
    schedule.over = 100;
    schedule.last = 0.2;
    EXPECT_EQ(schedule.at(1), 1);
    EXPECT_EQ(schedule.at(2), 1);
    EXPECT_NEAR(schedule.at(52), 0.6, 1e-15);
    EXPECT_NEAR(schedule.at(102), 0.2, 1e-15);
    EXPECT_NEAR(schedule.at(5000), 0.2, 1e-15);
  }
  Schedule cosine;
  cosine.rule = Schedule::Rule::kCosine;
  cosine.over = 3;
  EXPECT_NEAR(cosine.at(1), 0.75, 1e-15);
}

TEST(Schedule, DecaysSmoothlyInStepsOrAsTheInverse) {
  Schedule schedule;
  schedule.factor = 0.25;
  schedule.every = 10;
  schedule.rule = Schedule::Rule::kExponential;
  EXPECT_DOUBLE_EQ(schedule.at(5), 0.5);
  schedule.rule = Schedule::Rule::kSteps;
  EXPECT_DOUBLE_EQ(schedule.at(9), 1);
  EXPECT_DOUBLE_EQ(schedule.at(20), 0.0625);
  schedule.rule = Schedule::Rule::kInverse;
  schedule.rate = 0.5;
  EXPECT_DOUBLE_EQ(schedule.at(2), 0.5);
}

TEST(NamePattern, AStarIsAnyRunOfCharacters) {
  EXPECT_TRUE(matches("h.linear.x", "h.linear.x"));
  EXPECT_FALSE(matches("h.linear.x", "h.linear.xx"));
  EXPECT_FALSE(matches("h.linear", "h.linear.x"));
  EXPECT_TRUE(matches("h.*", "h.linear.x"));
  EXPECT_TRUE(matches("*.bias", "a.b.bias"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a*b*c", "a.bb.abc"));
  EXPECT_FALSE(matches("a*b*c", "a.bb.ab"));
  EXPECT_FALSE(matches("", "a"));
  const std::string many(40, 'a');  // in no time, whatever the pattern
  EXPECT_FALSE(matches("*a*a*a*a*a*a*a*a*a*a*a*a*b", many));
}

}  // namespace
}  // namespace tapeloop
