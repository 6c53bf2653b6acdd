// Ops that go from one axis to another, with results worked out by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/facade/session.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::ElementsAre;
using testing::model_of;

// x of two rows, 1 2 3 4 5 and 6 7 8; s of lengths 1 and 2, 10 and 20 30.
class DerivedAxes : public ::testing::Test {
 protected:
  Session<double>& run(const std::string& nodes, const std::string& axes = "t: {}, s: {}") {
    const std::string text = "tapeloop: 1\naxes: {" + axes + "}\ninputs: {x: {}, z: {axes: [s]}}\nnodes:\n" + nodes +
                             "  sums: sum(x, along=t) + sum(z, along=s)\n" + "outputs: [y, sums]\n";
    SessionOptions options;
    options.input_gradients = true;
    session_ = std::make_unique<Session<double>>(model_of(text), options);
    batch_.rows = 2;
    batch_.lengths = {{"t", {5, 3}}, {"s", {1, 2}}};
    batch_.inputs["x"] = {{2, 5}, {1, 2, 3, 4, 5, 6, 7, 8, 99, 99}};
    batch_.inputs["z"] = {{2, 2}, {10, 99, 20, 30}};
    session_->forward(batch_);
    return *session_;
  }
  std::vector<double> y(const std::string& equation, const std::string& axes = "t: {}, s: {}") {
    return run("  y: " + equation + "\n", axes).value("y").data;
  }
  // With a cotangent of 1 at the first value of each row, 2 at the second ..
  std::vector<double> gradient(const std::string& equation) {
    Session<double>& session = run("  y: " + equation + "\n");
    Array<double> cotangent = session.value("y");
    const std::int64_t width = cotangent.dims[1];
    for (std::size_t k = 0; k < cotangent.data.size(); ++k)
      cotangent.data[k] = static_cast<double>(static_cast<std::int64_t>(k) % width + 1);
    session.backward({{"y", cotangent}});
    return session.gradient("x").data;
  }

 private:
  std::unique_ptr<Session<double>> session_;
  Batch<double> batch_;
};

TEST_F(DerivedAxes, PoolReducesWindowsTheLastOfWhichMayBeShort) {
  EXPECT_THAT(y("pool(x, 2)"), ElementsAre(2, 4, 5, 7, 8, 0));
  EXPECT_THAT(y("pool(x, 2, how=min)"), ElementsAre(1, 3, 5, 6, 8, 0));
  EXPECT_THAT(y("pool(x, 2, how=mean)"), ElementsAre(1.5, 3.5, 5, 6.5, 8, 0));
  EXPECT_THAT(y("pool(x, 2, how=sum)"), ElementsAre(3, 7, 5, 13, 8, 0));
  EXPECT_THAT(y("pool(x, 3, stride=2, how=sum)"), ElementsAre(6, 12, 5, 21, 8, 0));
  EXPECT_THAT(y("pool(x, 2, stride=4, how=sum)"), ElementsAre(3, 5, 13, 0));
  EXPECT_THAT(y("pool(x, 3, stride=1, how=sum) - x"), ElementsAre(5, 7, 9, 5, 0, 15, 8, 0, 0, 0)) << "lies on t itself";
}

TEST_F(DerivedAxes, PoolGivesItsGradientToWhereItWasTaken) {
  EXPECT_THAT(gradient("pool(x, 2)"), ElementsAre(0, 1, 0, 2, 3, 0, 1, 2, 0, 0));
  EXPECT_THAT(gradient("pool(x, 2, how=mean)"), ElementsAre(.5, .5, 1, 1, 3, .5, .5, 2, 0, 0));
  EXPECT_THAT(gradient("pool(x, 3, stride=1, how=sum)"), ElementsAre(1, 3, 6, 9, 12, 1, 3, 6, 0, 0)) << "windows overlap";
}

TEST_F(DerivedAxes, WindowHasTheNextPositionsSideBySide) {
  EXPECT_THAT(y("window(x, 2, stride=3)"), ElementsAre(1, 2, 4, 5, 6, 7, 0, 0));
  EXPECT_THAT(y("sum(window(x, 2), along=shape) - x"), ElementsAre(2, 3, 4, 5, 0, 7, 8, 0, 0, 0)) << "zeros past the end";
}

TEST_F(DerivedAxes, UpsampleRepeatsPositions) {
  EXPECT_THAT(y("upsample(z, 3)"), ElementsAre(10, 10, 10, 0, 0, 0, 20, 20, 20, 30, 30, 30));
  EXPECT_THAT(y("upsample(pool(x, 2), 2, to=t)"), ElementsAre(2, 2, 4, 4, 5, 7, 7, 8, 0, 0));
  EXPECT_THAT(y("upsample(z, 2, to=t)"), ElementsAre(10, 10, 0, 0, 0, 20, 20, 30, 0, 0)) << "zeros past the end";
  EXPECT_THAT(gradient("upsample(x, 2)"), ElementsAre(3, 7, 11, 15, 19, 3, 7, 11, 0, 0));
}

TEST_F(DerivedAxes, ReverseTurnsEachRunRound) {
  EXPECT_THAT(y("reverse(x)"), ElementsAre(5, 4, 3, 2, 1, 8, 7, 6, 0, 0));
  EXPECT_THAT(gradient("reverse(x)"), ElementsAre(5, 4, 3, 2, 1, 3, 2, 1, 0, 0));
}

TEST_F(DerivedAxes, SliceTakesPositionsCountedFromEitherEnd) {
  EXPECT_THAT(y("slice(x, 1, 3, along=t)"), ElementsAre(2, 3, 7, 8));
  EXPECT_THAT(y("slice(x, start=-2, along=t)"), ElementsAre(4, 5, 7, 8));
  EXPECT_THAT(y("slice(x, start=-4, along=t)"), ElementsAre(2, 3, 4, 5, 6, 7, 8, 0)) << "not before the start";
  EXPECT_THAT(y("slice(x, 3, -1, along=t)"), ElementsAre(4, 0)) << "nothing is left of the second";
  EXPECT_THAT(gradient("slice(x, 1, 3, along=t)"), ElementsAre(0, 1, 2, 0, 0, 0, 1, 2, 0, 0));
}

TEST_F(DerivedAxes, ConcatPutsRunsOneAfterTheOther) {
  EXPECT_THAT(y("concat(x, z, along=[t, s])"), ElementsAre(1, 2, 3, 4, 5, 10, 6, 7, 8, 20, 30, 0));
  EXPECT_THAT(y("concat(z, x, z, along=[s, t, s])"), ElementsAre(10, 1, 2, 3, 4, 5, 10, 20, 30, 6, 7, 8, 20, 30));
  EXPECT_THAT(y("concat(z, -z, along=s)"), ElementsAre(10, -10, 0, 0, 20, 30, -20, -30));
  EXPECT_THAT(gradient("concat(z, x, along=[s, t])"), ElementsAre(2, 3, 4, 5, 6, 3, 4, 5, 0, 0));
}

TEST_F(DerivedAxes, AreOneWhereTheyAreDerivedAlike) {
  EXPECT_THAT(y("pool(x, 2) + pool(x, 3, stride=2, how=sum)"), ElementsAre(8, 16, 10, 28, 16, 0));
  EXPECT_THAT(y("sum(pool(x, 2), along=p) + 0 * length(p)", "p: {derived: t, stride: 2}, t: {}, s: {}"), ElementsAre(11, 15));
}

// A cell that reads its axis from the end sees windows from the end.
TEST_F(DerivedAxes, FollowTheDirectionInWhichTheyAreRead) {
  EXPECT_THAT(y("slice(x, 0, 2, along=-t)"), ElementsAre(5, 4, 8, 7));
  EXPECT_THAT(y("pool(x, 2, how=sum, along=-t)"), ElementsAre(9, 5, 1, 15, 6, 0));
  EXPECT_THAT(y("pool(x, 2, stride=1, how=sum, along=-t)"), ElementsAre(1, 3, 5, 7, 9, 6, 13, 15, 0, 0));
}

}  // namespace
}  // namespace tapeloop
