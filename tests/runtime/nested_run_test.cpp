// A scan inside a scan, with lengths that a value says.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "core/diagnostics.h"
#include "runtime/run.h"
#include "tests/runtime/made_plan.h"
#include "tests/runtime/random_arrays.h"

namespace tapeloop::test {
namespace {

template <class T>
class NestedRun : public ::testing::Test {
 protected:
  static constexpr double kTolerance = sizeof(T) == 4 ? 2e-5 : 1e-12;
  std::mt19937 random_{7};
};
using Numbers = ::testing::Types<float, double>;
TYPED_TEST_SUITE(NestedRun, Numbers);

// On [t, u], the lengths of u from an input `steps` on [t]: b = x + b[u-1], each run of u starting where the one at t-1 ended.
//   start = b_end_tm1    b = x + b[u-1] from start    b_end = last(b, along=u)    total = sum(b, along=u)
//   most = max(b, along=u), where = argmax(b, along=u), ahead = index(u) from the end, count of [t, u]
struct Cascade : MadePlan {
  Cascade() {
    const LayoutId t = layout({kT});
    const LayoutId tu = layout({kT, kU});
    const NodeId steps = input("steps", t, {}, Type::kInt);
    x = input("x", tu, {2});
    plan.axes[kU].length = steps;
    start = value("start", t, {2});
    b = value("b", tu, {2});
    b_end = value("b_end", t, {2});
    total = value("total", t, {2});
    most = value("most", t, {2});
    where = value("where", t, {2});
    ahead = value("ahead", tu, {});
    count = value("count", kNone, {});
    plan.buffers[static_cast<std::size_t>(plan.value(start).buffer)].block_depth = 1;
    plan.nodes[static_cast<std::size_t>(start)].readable = false;
    Instruction& lengths = add(OpCode::kSetLengths, kNone, {read(steps)});  // 0
    lengths.axis = kU;
    add(OpCode::kMove, start, {read(b_end, tap(t, kT, -1, 1))}, 1);            // 1
    point("add", b, {read(x), read(b, tap(tu, kU, -1, 2, {t}), {start})}, 2);  // 2
    TableSpec last;
    last.kind = TableSpec::Kind::kMove;
    last.reader = t;
    last.source = tu;
    last.moves = {{kU, Move::From::kEnd, -1}};
    last.outsides = {{kU, 1, 0}};
    last.starts = {t};
    last.depth = 1;
    add(OpCode::kMove, b_end, {read(b, table(last), {start})}, 1);  // 3
    GroupSpec runs;
    runs.result = t;
    runs.source = tu;
    plan.groups = {runs};
    add(OpCode::kSumTo, total, {read(b)}, 1).group = 0;  // 4
    for (const NodeId id : {most, where}) {              // 5, 6
      Instruction& extreme = add(OpCode::kExtremeAlong, id, {read(b)});
      extreme.group = 0;
      extreme.axis = kU;
      extreme.give_position = id == where;
    }
    Instruction& index = add(OpCode::kIndex, ahead, {});  // 7
    index.axis = kU;
    index.flag = true;
    add(OpCode::kCount, count, {}).counted = plan.layouts[static_cast<std::size_t>(tu)].space;  // 8
    plan.forward = {bulk({0}), scan({kT}, {bulk({1}), scan({kT, kU}, {bulk({2})}), bulk({3, 4})}), bulk({5, 6, 7}), whole({8})};
  }
  NodeId x, start, b, b_end, total, most, where, ahead, count;
};

TYPED_TEST(NestedRun, AScanInsideAScanWithLengthsFromAValue) {
  using T = TypeParam;
  const Cascade made;
  Run<T> run(made.done(), {.poison = true});
  for (int again = 0; again < 3; ++again) {
    Batch<T> batch;
    batch.rows = 4;
    batch.lengths["t"] = {3, 0, 4, 2};
    batch.inputs["x"] = random_array<T>({4, 4, 5, 2}, this->random_);
    batch.inputs["steps"] = {{4, 4}, std::vector<T>(16, T(99))};  // 99 past the ends: never read
    for (std::size_t row = 0; row < 4; ++row) {
      for (std::size_t t = 0; t < static_cast<std::size_t>(batch.lengths["t"][row]); ++t) {
        batch.inputs["steps"].data[row * 4 + t] = static_cast<T>(this->random_() % 6);
      }
    }
    run.forward(batch);
    const Array<T> b = run.value(made.b);
    const Array<T> total = run.value(made.total);
    const Array<T> most = run.value(made.most);
    const Array<T> where = run.value(made.where);
    const Array<T> ahead = run.value(made.ahead);
    std::int64_t points = 0;
    for (std::int64_t row = 0; row < 4; ++row) {
      double state = 0;
      for (std::int64_t t = 0; t < batch.lengths["t"][static_cast<std::size_t>(row)]; ++t) {
        const auto steps = static_cast<std::int64_t>(at(batch.inputs["steps"], {row, t}));
        double sum = 0;
        double largest = 0;
        std::int64_t largest_at = 0;
        for (std::int64_t u = 0; u < steps; ++u, ++points) {
          state += at(batch.inputs["x"], {row, t, u, 1});
          sum += state;
          if (u == 0 || state > largest) {
            largest = state;
            largest_at = u;
          }
          EXPECT_NEAR(at(b, {row, t, u, 1}), state, this->kTolerance);
          EXPECT_EQ(at(ahead, {row, t, u}), steps - 1 - u);
        }
        EXPECT_NEAR(at(total, {row, t, 1}), sum, this->kTolerance);
        EXPECT_NEAR(at(most, {row, t, 1}), largest, this->kTolerance);
        EXPECT_EQ(at(where, {row, t, 1}), static_cast<T>(largest_at));
      }
    }
    EXPECT_EQ(run.whole(made.count)[0], static_cast<T>(points));
  }
}

TYPED_TEST(NestedRun, ComputedLengthsMustBeWholeAndNotNegative) {
  using T = TypeParam;
  const Cascade made;
  Run<T> run(made.done());
  Batch<T> batch;
  batch.rows = 1;
  batch.inputs["x"] = random_array<T>({1, 1, 2, 2}, this->random_);
  batch.inputs["steps"] = {{1, 1}, {T(-1)}};
  EXPECT_THROW(run.forward(batch), ModelError);
  batch.inputs["steps"].data = {T(3)};  // longer than x
  EXPECT_THROW(run.forward(batch), ModelError);
  batch.inputs["steps"].data = {T(2)};
  EXPECT_NO_THROW(run.forward(batch));
}

}  // namespace
}  // namespace tapeloop::test
