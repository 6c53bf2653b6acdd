// What is wrong with a batch is said by code and name.
#include <gmock/gmock.h>

#include <functional>
#include <string>

#include "core/diagnostics.h"
#include "runtime/run.h"
#include "tests/runtime/made_plan.h"

namespace tapeloop::test {
namespace {

using ::testing::HasSubstr;

constexpr AxisId kT = MadePlan::kT;

// y = x + w, x on [t] with shape [2]; n is an int on the batch, flag a bool.
class BatchErrors : public ::testing::Test {
 protected:
  BatchErrors() {
    const LayoutId steps = made_.layout({kT});
    const LayoutId rows = made_.layout({});
    const NodeId x = made_.input("x", steps, {2});
    made_.input("n", rows, {}, Type::kInt);
    made_.input("flag", rows, {}, Type::kBool);
    const NodeId w = made_.parameter("w", {2});
    const NodeId y = made_.value("y", steps, {2});
    made_.point("add", y, {made_.read(x), made_.read(w)});
    made_.plan.forward = {MadePlan::bulk({0})};
    made_.plan.outputs = {{"y", y}};
    batch_.rows = 2;
    batch_.inputs["x"] = {{2, 3, 2}, std::vector<float>(12, 1)};
    batch_.inputs["n"] = {{2}, {1, 2}};
    batch_.inputs["flag"] = {{2}, {0, 1}};
    batch_.lengths["t"] = {3, 1};
  }

  std::string what(const std::function<void(Batch<float>&)>& change) {
    change(batch_);
    tapeloop::Run<float> run(made_.done());
    try {
      run.set_parameters({{"w", {{2}, {1, 2}}}});
      run.forward(batch_);
    } catch (const ModelError& error) {
      return error.what();
    }
    return "nothing";
  }

  MadePlan made_;
  Batch<float> batch_;
};

TEST_F(BatchErrors, ARightBatchRuns) {
  EXPECT_EQ(what([](auto&) {}), "nothing");
}

TEST_F(BatchErrors, AMissingInput) {
  EXPECT_THAT(what([](auto& batch) { batch.inputs.erase("x"); }), HasSubstr("E0701: input 'x' is missing; expected [2 rows, t, 2]"));
}

TEST_F(BatchErrors, AnUnknownInputOrAxis) {
  EXPECT_THAT(what([](auto& batch) {
                batch.inputs["fla"] = {{2}, {0, 1}};
              }),
              HasSubstr("E0702: there is no input 'fla'; did you mean 'flag'?"));
  EXPECT_THAT(what([](auto& batch) { batch.lengths["z"] = {1}; }), HasSubstr("E0702: lengths of 'z': there is no such axis"));
}

TEST_F(BatchErrors, AnotherShape) {
  EXPECT_THAT(what([](auto& batch) {
                batch.inputs["x"] = {{2, 3}, std::vector<float>(6)};
              }),
              HasSubstr("E0703: input 'x': expected [2 rows, t, 2], found [2, 3]"));
  EXPECT_THAT(what([](auto& batch) { batch.inputs["x"] = {{2, 3, 2}, std::vector<float>(5)}; }), HasSubstr("with 5 numbers"));
  EXPECT_THAT(what([](auto& batch) { batch.rows = 3; }), HasSubstr("expected [3 rows, t, 2], found [2, 3, 2]"));
}

TEST_F(BatchErrors, IntsAreWholeAndSmallEnoughToBeExact) {
  EXPECT_THAT(what([](auto& batch) { batch.inputs["n"].data = {1.5F, 0}; }), HasSubstr("E0704: input 'n' is int"));
  EXPECT_THAT(what([](auto& batch) { batch.inputs["n"].data = {33554432.0F, 0}; }), HasSubstr("up to 16777216"));
  EXPECT_THAT(what([](auto& batch) {
                batch.inputs["n"].data = {1, 2};
                batch.inputs["flag"].data = {2, 0};
              }),
              HasSubstr("expected 0 or 1"));
}

TEST_F(BatchErrors, LengthsThatDoNotFit) {
  EXPECT_THAT(what([](auto& batch) {
                batch.lengths["t"] = {4, 1};
              }),
              HasSubstr("E0705: input 'x' has 3 positions along t, and a length is 4"));
  EXPECT_THAT(what([](auto& batch) { batch.lengths["t"] = {1}; }), HasSubstr("E0705: lengths of t: expected 2, one for each run, found 1"));
  EXPECT_THAT(what([](auto& batch) { batch.lengths["t"] = {-1, 2}; }), HasSubstr("E0705: lengths of t: -1"));
}

TEST_F(BatchErrors, WithoutLengthsTheFirstInputOnTheAxisSaysThem) {
  batch_.lengths.clear();
  tapeloop::Run<float> run(made_.done());
  run.set_parameters({{"w", {{2}, {1, 2}}}});
  run.forward(batch_);
  EXPECT_EQ(run.value(made_.plan.outputs[0].node).data.size(), 12U);
}

TEST_F(BatchErrors, AParameterThatNobodySet) {
  tapeloop::Run<float> run(made_.done());
  EXPECT_THROW(run.forward(batch_), ModelError);
  EXPECT_THROW(run.set_parameters({{"v", {{2}, {1, 2}}}}), ModelError);
  EXPECT_THROW(run.set_parameters({{"w", {{3}, {1, 2, 3}}}}), ModelError);
  const float w[] = {1, 2};
  run.bind_parameter(made_.plan.parameters[0], w);
  EXPECT_NO_THROW(run.forward(batch_));
}

}  // namespace
}  // namespace tapeloop::test
