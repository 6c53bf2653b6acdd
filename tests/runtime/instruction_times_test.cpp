#include "runtime/instruction_times.h"

#include <gtest/gtest.h>

#include "runtime/run.h"
#include "tests/runtime/made_plan.h"

namespace tapeloop::test {
namespace {

constexpr AxisId kT = MadePlan::kT;

// g = a * x in bulk, h = g + x in a scan.
MadePlan plan_with_a_scan() {
  MadePlan made;
  const LayoutId steps = made.layout({kT});
  const NodeId x = made.input("x", steps, {3});
  const NodeId a = made.parameter("a", {3});
  const NodeId h = made.value("h", steps, {3});
  const NodeId g = made.value("g", steps, {3});
  made.point("multiply", g, {made.read(a), made.read(x)});
  made.point("add", h, {made.read(g), made.read(x)}, 1);
  made.plan.forward = {MadePlan::bulk({0}), MadePlan::scan({kT}, {MadePlan::bulk({1})})};
  made.plan.outputs = {{"h", h}};
  return made;
}

TEST(InstructionTimes, CountsEveryCallAndTheRealPointsOfARaggedBatch) {
  const auto plan = plan_with_a_scan().done();
  InstructionTimes times(*plan);
  tapeloop::Run<float> run(plan);
  run.set_times(&times);
  run.set_parameters({{"a", {{3}, {1, 2, 3}}}});
  Batch<float> batch;
  batch.rows = 3;
  batch.inputs["x"] = {{3, 6, 3}, std::vector<float>(54, 1.0F)};
  batch.lengths["t"] = {4, 0, 6};
  run.forward(batch);
  run.forward(batch);

  EXPECT_EQ(times.of(0).calls, 2);  // in bulk: once a run, all points of it
  EXPECT_EQ(times.of(0).points, 2 * 10);
  EXPECT_EQ(times.of(1).calls, 2 * 6);  // in the scan: once a step
  EXPECT_EQ(times.of(1).points, 2 * 10);
  EXPECT_GT(times.of(0).nanoseconds, 0);
  EXPECT_GT(times.of(1).nanoseconds, 0);

  times.clear();
  run.set_times(nullptr);
  run.forward(batch);
  EXPECT_EQ(times.of(1).calls, 0);
}

}  // namespace
}  // namespace tapeloop::test
