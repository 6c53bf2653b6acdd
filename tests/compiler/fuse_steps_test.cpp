// Which scans are run in one pass, which of them as a chain, and which do several positions in a step; the plan says so.

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "core/kind.h"
#include "tests/compiler/compiled.h"

namespace tapeloop {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const Segment* find_scan(const Program& program) {
  for (const Segment& segment : program) {
    if (segment.kind != Segment::Kind::kScan) continue;
    const Segment* inner = find_scan(segment.body);
    return inner ? inner : &segment;
  }
  return nullptr;
}

// The innermost first scan of a program, and its first instruction.
struct Step {
  Plan plan;
  Segment scan;
  Instruction made;
};

Step step_of(const std::string& nodes, CompileOptions options = {}, bool backward = false) {
  const std::string text = "tapeloop: 1\ninputs: {x: {shape: [3]}, c: {shape: [3], axes: []}}\n" + nodes + "outputs: [h]\n";
  Step step{compile_text(text, std::move(options)).plan, {}, {}};
  const Segment* scan = find_scan(backward ? step.plan.backward : step.plan.forward);
  if (!scan) throw std::runtime_error("there is no scan");
  step.scan = *scan;
  step.made = step.plan.instructions[static_cast<std::size_t>(scan->body.front().instructions.front())];
  return step;
}

std::vector<Link::Form> forms(const Step& step) {
  std::vector<Link::Form> found;
  for (const Link& link : step.made.chain) found.push_back(link.form);
  return found;
}

std::vector<When> whens(const Step& step) {
  std::vector<When> found;
  for (const PointOp& op : step.made.program) found.push_back(op.when);
  return found;
}

TEST(FuseSteps, ALinearRecurrenceIsAChainAndThePlanSaysSo) {
  const Step step = step_of("nodes:\n  z: sigmoid(x)\n  h: (1 - z) * h_tm1 + z * x\n");
  EXPECT_TRUE(step.made.one_pass);
  EXPECT_THAT(forms(step), ElementsAre(Link::Form::kTimes, Link::Form::kPlus));
  EXPECT_THAT(whens(step), ElementsAre(When::kBefore, When::kBefore, When::kStep, When::kStep));
  EXPECT_THAT(step.scan.reason, HasSubstr("h needs h_tm1; in one pass, linear"));
}

TEST(FuseSteps, TheAdjointOfALinearRecurrenceIsOneBackwards) {
  const Step step = step_of("parameters: {w: [3]}\nnodes:\n  z: sigmoid(w * x)\n  h: (1 - z) * h_tm1 + z * x\n", {}, true);
  EXPECT_TRUE(step.scan.backwards);
  EXPECT_THAT(forms(step), ElementsAre(Link::Form::kPlus, Link::Form::kTimes));
}

TEST(FuseSteps, DifferencesKnowTheirSides) {
  EXPECT_THAT(forms(step_of("nodes:\n  h: h_tm1 - x\n")), ElementsAre(Link::Form::kMinus));
  EXPECT_THAT(forms(step_of("nodes:\n  h: x - 0.5 * h_tm1\n")), ElementsAre(Link::Form::kTimes, Link::Form::kFrom));
}

TEST(FuseSteps, CoupledOnesAreLinearButNoChain) {
  const Step step = step_of("nodes:\n  a: 0.5 * a_tm1 + 0.3 * h_tm1\n  h: 0.4 * h_tm1 - 0.2 * a_tm1 + x\n");
  EXPECT_TRUE(step.made.one_pass);
  EXPECT_TRUE(step.made.chain.empty());
  EXPECT_THAT(step.scan.reason, HasSubstr("in one pass, linear"));
}

TEST(FuseSteps, PointWorkThatIsNotLinearIsDoneInOnePassToo) {
  const Step step = step_of("nodes:\n  h: tanh(0.5 * h_tm1 + x)\n");
  EXPECT_TRUE(step.made.one_pass);
  EXPECT_TRUE(step.made.chain.empty());
  EXPECT_THAT(step.scan.reason, HasSubstr("in one pass: a step is point work only"));
}

TEST(FuseSteps, ATapFartherThanTheNeighbourIsNoChain) {
  CompileOptions options;
  options.without = {"strip_mine"};
  const Step step = step_of("nodes:\n  h: 0.5 * h_tm2 + x\n", options);
  EXPECT_TRUE(step.made.one_pass);
  EXPECT_TRUE(step.made.chain.empty());
}

TEST(FuseSteps, WhereSeveralPositionsAreAStepTheyStayOne) {
  const Step step = step_of("nodes:\n  h: 0.5 * h_tm2 + x\n");
  EXPECT_EQ(step.scan.together, 2);
  EXPECT_FALSE(step.made.one_pass);
}

TEST(FuseSteps, WhatTheCycleDoesNotWaitForComesAfterIt) {
  CompileOptions options;
  options.gradients = false;
  options.without = {"hoist"};
  const Step step = step_of("nodes:\n  h: tanh(g)\n  g: 0.5 * g_tm1 + x\n", options);
  EXPECT_EQ(step.made.program.back().when, When::kAfter);
  EXPECT_EQ(step.plan.value(step.made.program.back().node).name, "h");
}

// The condition is [3], what it chooses between [2, 3].
TEST(FuseSteps, AnOperandThatIsStretchedWithinAPointIsNotDoneInOnePass) {
  EXPECT_FALSE(step_of("parameters: {p: [2, 3]}\nnodes:\n  h: where(x, p, h_tm1)\n").made.one_pass);
}

TEST(FuseSteps, AStepWithAProductIsNotDoneInOnePass) {
  const Step step = step_of("nodes:\n  h: tanh(linear(x, h_tm1, units=3))\n");
  EXPECT_FALSE(step.made.one_pass);
  EXPECT_THAT(step.scan.reason, Not(HasSubstr("one pass")));
}

TEST(StripMine, AsManyPositionsAStepAsTheNearestTapReachesBack) {
  const Step step = step_of("nodes:\n  h: tanh(linear(x, h_tm3, h_tm5, units=3))\n");
  EXPECT_EQ(step.scan.together, 3);
  EXPECT_THAT(step.scan.reason, HasSubstr("3 positions a step: no tap reaches less far"));
  EXPECT_EQ(step_of("nodes:\n  h: tanh(linear(x, h_tm3, h_tm5, units=3))\n", {}, true).scan.together, 3);
}

TEST(StripMine, ANearTapLeavesOnePosition) { EXPECT_EQ(step_of("nodes:\n  h: tanh(linear(x, h_tm1, h_tm5, units=3))\n").scan.together, 1); }

TEST(StripMine, ATapOfWhatIsNotInTheScanDoesNotMatter) {
  EXPECT_EQ(step_of("nodes:\n  h: tanh(linear(x_tm1, h_tm4, units=3))\n").scan.together, 4);
}

TEST(StripMine, BuffersOfAStepHoldAllItsPositions) {
  CompileOptions options;
  options.gradients = false;
  options.without = {"fuse_points"};
  const Step step = step_of("nodes:\n  h: tanh(linear(h_tm2, units=3) * x)\n", options);
  ASSERT_EQ(step.scan.together, 2);
  int in_blocks = 0;
  for (const Buffer& buffer : step.plan.buffers) {
    if (buffer.block_depth == kNone) continue;
    ++in_blocks;
    EXPECT_EQ(buffer.together, 2);
  }
  EXPECT_GT(in_blocks, 0);
}

}  // namespace
}  // namespace tapeloop
