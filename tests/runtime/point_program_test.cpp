// Point programs against their formula, for rows shorter and longer than a tile, of which the last is a part.
#include "runtime/point_program.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "runtime/run.h"
#include "tests/allocations.h"
#include "tests/runtime/made_plan.h"
#include "tests/runtime/random_arrays.h"

namespace tapeloop::test {
namespace {

struct Size {
  std::int64_t rows, elements;
};
const Size kSizes[] = {{1, 1}, {37, 1}, {3000, 1}, {7, 3}, {700, 3}, {16, 64}, {50, 100}, {3, 700}, {1, 5000}, {4, 5000}};

template <class T>
class PointProgramTest : public ::testing::Test {
 protected:
  static constexpr double kTolerance = sizeof(T) == 4 ? 1e-5 : 1e-13;

  // x on the batch and p in P have `elements` at each point, s one on the batch, c is one number of P.
  void make(const Size& size) {
    made = MadePlan();
    n = size.elements;
    const LayoutId rows = made.layout({});
    x = made.input("x", rows, {n});
    s = made.input("s", rows, {1});
    p = made.parameter("p", {n});
    c = made.parameter("c", {1});
    for (const char* name : {"a", "b", "y", "z"}) values.push_back(made.value(name, rows, {n}));
    for (const char* name : {"t", "u"}) values.push_back(made.value(name, rows, {1}));
    batch = {};
    batch.rows = size.rows;
    batch.inputs["x"] = random_array<T>({size.rows, n}, random);
    batch.inputs["s"] = random_array<T>({size.rows, 1}, random);
    parameters = {{"p", random_array<T>({n}, random)}, {"c", random_array<T>({1}, random)}};
  }
  std::vector<Operand> operands() { return {made.read(x), made.read(s), made.read(p), made.read(c)}; }
  tapeloop::Run<T> run_twice() {
    made.plan.forward = {MadePlan::bulk({0})};
    tapeloop::Run<T> run(made.done());
    run.set_parameters(parameters);
    run.forward(batch);
    const AllocationCount counted;
    run.forward(batch);
    EXPECT_EQ(counted.all(), 0);
    return run;
  }
  T number(const char* name, std::int64_t row, std::int64_t k) const {
    const Array<T>& array = batch.inputs.count(name) ? batch.inputs.at(name) : parameters.at(name);
    const auto width = static_cast<std::int64_t>(array.data.size()) / (batch.inputs.count(name) ? batch.rows : 1);
    return array.data[static_cast<std::size_t>((batch.inputs.count(name) ? row * width : 0) + (width == 1 ? 0 : k))];
  }

  MadePlan made;
  std::int64_t n = 0;
  NodeId x = kNone, s = kNone, p = kNone, c = kNone;
  std::vector<NodeId> values;  // a b y z, t u
  Batch<T> batch;
  std::map<std::string, Array<T>> parameters;
  std::mt19937 random{5};
};
using Numbers = ::testing::Types<float, double>;
TYPED_TEST_SUITE(PointProgramTest, Numbers);

TYPED_TEST(PointProgramTest, ChainsPassThroughTiles) {
  for (const Size& size : kSizes) {
    this->values.clear();
    this->make(size);
    const auto& v = this->values;
    // a = x + p, b = a * s stays within, y = b + c, z = y * a
    this->made.program(this->operands(), {{"add", v[0], {0, 2}, false, {}},
                                          {"multiply", v[1], {4, 1}, false, {}},
                                          {"add", v[2], {5, 3}, true, {}},
                                          {"multiply", v[3], {6, 4}, true, {}}});
    const tapeloop::Run<TypeParam> run = this->run_twice();
    const Array<TypeParam> y = run.value(v[2]);
    const Array<TypeParam> z = run.value(v[3]);
    for (std::int64_t row = 0; row < size.rows; ++row) {
      for (std::int64_t k = 0; k < this->n; ++k) {
        const TypeParam a = this->number("x", row, k) + this->number("p", row, k);
        const TypeParam truth = a * this->number("s", row, 0) + this->number("c", 0, 0);
        const auto at = static_cast<std::size_t>(row * this->n + k);
        ASSERT_NEAR(y.data[at], truth, this->kTolerance) << size.rows << " rows of " << this->n << ", row " << row << " element " << k;
        ASSERT_NEAR(z.data[at], truth * a, this->kTolerance) << size.rows << " rows of " << this->n;
      }
    }
  }
}

TYPED_TEST(PointProgramTest, ReductionsMakeOneNumberOfARowWithinAProgram) {
  for (const Size& size : kSizes) {
    this->values.clear();
    this->make(size);
    const auto& v = this->values;
    // a = x + p, t = sum of a within, u = t * s stored, y = a * u
    this->made.program(this->operands(), {{"add", v[0], {0, 2}, false, {}},
                                          {"row_sum", v[4], {4}, false, {this->n}},
                                          {"multiply", v[5], {5, 1}, true, {}},
                                          {"multiply", v[2], {4, 6}, true, {}}});
    const tapeloop::Run<TypeParam> run = this->run_twice();
    const Array<TypeParam> u = run.value(v[5]);
    const Array<TypeParam> y = run.value(v[2]);
    for (std::int64_t row = 0; row < size.rows; ++row) {
      double sum = 0;
      for (std::int64_t k = 0; k < this->n; ++k) sum += this->number("x", row, k) + this->number("p", row, k);
      const double scale = sum * this->number("s", row, 0);
      ASSERT_NEAR(u.data[static_cast<std::size_t>(row)], scale, this->kTolerance * 100) << size.rows << " rows of " << this->n;
      for (std::int64_t k = 0; k < this->n; ++k) {
        const double a = this->number("x", row, k) + this->number("p", row, k);
        ASSERT_NEAR(y.data[static_cast<std::size_t>(row * this->n + k)], a * scale, this->kTolerance * 200) << row << ", " << k;
      }
    }
  }
}

}  // namespace
}  // namespace tapeloop::test
