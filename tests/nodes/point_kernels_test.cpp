// The vector kernels of point kinds: special numbers, and their manners: tails, stretched operands, in place. How close they are to
// the truth: error_bounds_test.cpp.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "core/kind.h"
#include "nodes/point_table.h"
#include "nodes/registry.h"
#include "tests/nodes/apply_point.h"

namespace tapeloop {
namespace {

// f(x) for infinities, NaN, zeros and numbers so large that a careless formula overflows.
template <class T>
void check_special() {
  const Registry registry = make_registry();
  const T inf = std::numeric_limits<T>::infinity();
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const T large = sizeof(T) == 4 ? T(3e38) : T(1e308);
  struct Case {
    const char* name;
    T x, y;
  };
  const T over = sizeof(T) == 4 ? T(89) : T(710);
  const T under = sizeof(T) == 4 ? T(-110) : T(-760);
  const std::vector<Case> cases = {{"exp", inf, inf},
                                   {"exp", -inf, 0},
                                   {"exp", large, inf},
                                   {"exp", -large, 0},
                                   {"exp", 0, 1},
                                   {"exp", over, inf},
                                   {"exp", under, 0},
                                   {"log", 0, -inf},
                                   {"log", -T(0), -inf},
                                   {"log", -1, nan},
                                   {"log", inf, inf},
                                   {"log", 1, 0},
                                   {"tanh", inf, 1},
                                   {"tanh", -inf, -1},
                                   {"tanh", large, 1},
                                   {"tanh", -large, -1},
                                   {"tanh", 0, 0},
                                   {"sigmoid", inf, 1},
                                   {"sigmoid", -inf, 0},
                                   {"sigmoid", large, 1},
                                   {"sigmoid", -large, 0},
                                   {"sigmoid", 0, T(0.5)},
                                   {"softplus", inf, inf},
                                   {"softplus", -inf, 0},
                                   {"softplus", large, large},
                                   {"softplus", -large, 0},
                                   {"log_sigmoid", inf, 0},
                                   {"log_sigmoid", -inf, -inf},
                                   {"log_sigmoid", -large, -large},
                                   {"log_sigmoid", large, 0},
                                   {"sqrt", inf, inf},
                                   {"sqrt", -1, nan},
                                   {"relu", -inf, 0},
                                   {"relu", inf, inf},
                                   {"sign", -inf, -1},
                                   {"sign", 0, 0},
                                   {"floor", inf, inf},
                                   {"abs", -inf, inf}};
  for (const Case& one : cases) {
    const T y = apply<T>(registry.at(one.name), {{one.x}})[0];
    EXPECT_TRUE(y == one.y || (std::isnan(y) && std::isnan(one.y))) << one.name << "(" << one.x << ") is " << y;
  }
  for (const NodeKind* kind : registry.all()) {
    if (kind->role != Role::kPoint || kind->operands.size() != 1) continue;
    EXPECT_TRUE(std::isnan(apply<T>(*kind, {{nan}})[0])) << kind->name << " of NaN";
  }
}

TEST(PointKernels, KeepInfinitiesAndNaNInFloat) { check_special<float>(); }
TEST(PointKernels, KeepInfinitiesAndNaNInDouble) { check_special<double>(); }

template <class T>
void check_two_operands() {
  const Registry registry = make_registry();
  const T nan = std::numeric_limits<T>::quiet_NaN();
  const std::vector<T> a = {1, 2, 2, -5, 5, -5, 7.5, 2, 2, 4, nan, -2, -2, 0, 3};
  const std::vector<T> b = {2, 1, 2, 3, -3, -3, 2.5, 0, -1, 0.5, 1, 3, 2, 2, 2};
  const auto check = [&](const char* name, const std::function<T(T, T)>& truth) {
    const std::vector<T> y = apply<T>(registry.at(name), {a, b});
    for (std::size_t i = 0; i < a.size(); ++i) {
      const T expected = truth(a[i], b[i]);
      EXPECT_TRUE(y[i] == expected || (std::isnan(y[i]) && std::isnan(expected))) << name << "(" << a[i] << ", " << b[i] << ") is " << y[i];
    }
  };
  check("less", [](T x, T z) { return T(x < z); });
  check("less_equal", [](T x, T z) { return T(x <= z); });
  check("greater", [](T x, T z) { return T(x > z); });
  check("greater_equal", [](T x, T z) { return T(x >= z); });
  check("equal", [](T x, T z) { return T(x == z); });
  check("not_equal", [](T x, T z) { return T(x != z); });
  check("maximum", [](T x, T z) { return x >= z ? x : z; });
  check("minimum", [](T x, T z) { return x <= z ? x : z; });
  check("power", [](T x, T z) { return static_cast<T>(std::pow(static_cast<double>(x), static_cast<double>(z))); });
  check("mod", [](T x, T z) { return z == 0 ? std::numeric_limits<T>::quiet_NaN() : x - std::floor(x / z) * z; });
}

TEST(PointKernels, OfTwoOperandsInFloat) { check_two_operands<float>(); }
TEST(PointKernels, OfTwoOperandsInDouble) { check_two_operands<double>(); }

// Every kind, n = 0 .. 40, each choice of stretched operands: the same bits as one element at a time, nothing written past the end.
template <class T>
void check_tails(const NodeKind& kind) {
  const std::size_t operands = kind.operands.size();
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> draw(0.1, 3);
  std::vector<std::vector<T>> x(operands, std::vector<T>(40));
  for (auto& operand : x) {
    for (T& value : operand) value = static_cast<T>(draw(random));
  }
  for (std::size_t stretched = 0; stretched < (std::size_t{1} << operands); ++stretched) {
    std::vector<std::uint8_t> step(operands);
    for (std::size_t k = 0; k < operands; ++k) step[k] = (stretched >> k & 1U) == 0;
    for (std::size_t n = 0; n <= 40; ++n) {
      std::vector<const T*> in;
      for (const auto& operand : x) in.push_back(operand.data());
      std::vector<T> out(n + 1, T(-77));
      run_op<T>(kind.point.of<T>(), operands, in.data(), step.data(), nullptr, out.data(), 0, 1, n);
      ASSERT_EQ(out[n], T(-77)) << kind.name << " writes past the end, n = " << n;
      for (std::size_t i = 0; i < n; ++i) {
        std::vector<const T*> one;
        for (std::size_t k = 0; k < operands; ++k) one.push_back(x[k].data() + (step[k] ? i : 0));
        T alone = 0;
        run_op<T>(kind.point.of<T>(), operands, one.data(), step.data(), nullptr, &alone, 0, 1, 1);
        ASSERT_EQ(out[i], alone) << kind.name << ", element " << i << " of " << n;
      }
    }
  }
}

TEST(PointKernels, GiveAnElementTheSameBitsWhereverItStands) {
  const Registry registry = make_registry();
  for (const NodeKind* kind : registry.all()) {
    if (kind->role != Role::kPoint) continue;
    check_tails<float>(*kind);
    check_tails<double>(*kind);
  }
}

// Rows apart from each other give the same bits as one row after the other, and leave what lies between them alone.
template <class T>
void check_rows(const NodeKind& kind) {
  constexpr std::int64_t kRows = 3;
  constexpr std::int64_t kStride = 40;
  const std::size_t operands = kind.operands.size();
  std::mt19937_64 random(17);
  std::uniform_real_distribution<double> draw(0.1, 3);
  std::vector<std::vector<T>> x(operands, std::vector<T>(kRows * kStride));
  for (auto& operand : x) {
    for (T& value : operand) value = static_cast<T>(draw(random));
  }
  for (std::size_t stretched = 0; stretched < (std::size_t{1} << operands); ++stretched) {
    std::vector<std::uint8_t> step(operands);
    std::vector<std::int64_t> stride(operands);
    std::vector<const T*> in;
    for (std::size_t k = 0; k < operands; ++k) {
      step[k] = (stretched >> k & 1U) == 0;
      stride[k] = static_cast<std::int64_t>(k == 0 ? kStride : 7 * k);
      in.push_back(x[k].data());
    }
    for (std::size_t n = 1; n < 38; n += 9) {
      std::vector<T> out(kRows * kStride, T(-77));
      run_op<T>(kind.point.of<T>(), operands, in.data(), step.data(), stride.data(), out.data(), kStride, kRows, n);
      std::vector<T> expected(kRows * kStride, T(-77));
      for (std::int64_t row = 0; row < kRows; ++row) {
        std::vector<const T*> at;
        for (std::size_t k = 0; k < operands; ++k) at.push_back(in[k] + row * stride[k]);
        run_op<T>(kind.point.of<T>(), operands, at.data(), step.data(), nullptr, expected.data() + row * kStride, 0, 1, n);
      }
      ASSERT_EQ(out, expected) << kind.name << ", rows of " << n;
    }
  }
}

TEST(PointKernels, DoRowsLikeOneRowAfterTheOther) {
  const Registry registry = make_registry();
  for (const NodeKind* kind : registry.all()) {
    if (kind->role != Role::kPoint) continue;
    check_rows<float>(*kind);
    check_rows<double>(*kind);
  }
}

// A code of ops that are drawn, on rows of n numbers: each result is read by the next op alone, or held, or kept in memory or
// in a block.
template <class T>
void check_code(const std::vector<const NodeKind*>& kinds, std::mt19937_64& random, std::size_t rows, std::size_t n) {
  using Place = typename PointRegister<T>::Place;
  constexpr std::size_t kInputs = 3;  // the last one is a number for each row
  constexpr std::size_t kOps = 12;
  const std::size_t stride = n + 3;
  std::uniform_real_distribution<double> draw(0.1, 3);
  const auto one_of = [&](std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(random); };
  std::vector<std::vector<T>> values(kInputs + kOps, std::vector<T>(rows * stride, T(-77)));
  std::vector<std::vector<T>> expected = values;
  std::vector<PointRegister<T>> registers;
  std::vector<PointCode> code(kOps + 1);
  std::vector<std::size_t> kept;
  std::size_t held = 0;
  for (std::size_t k = 0; k < kInputs; ++k) {
    for (T& value : values[k]) value = static_cast<T>(draw(random));
    expected[k] = values[k];
    kept.push_back(k);
  }
  for (std::vector<T>& value : values) {
    registers.push_back({value.data(), static_cast<std::int64_t>(stride), registers.size() == kInputs - 1 ? Place::kNumber : Place::kRow});
  }
  PointRunner<T> runner = nullptr;
  for (std::size_t k = 0; k < kOps; ++k) {
    const NodeKind& kind = *kinds[one_of(kinds.size())];
    const PointBodies<T>& bodies = kind.point.of<T>();
    runner = bodies.run;
    code[k].block = bodies.block;
    code[k].rest = bodies.rest;
    std::vector<const T*> in;
    std::vector<std::uint8_t> step;
    for (std::size_t operand = 0; operand < kind.operands.size(); ++operand) {
      const std::size_t dice = one_of(4);
      std::size_t from = kept[one_of(kept.size())];
      code[k].source[operand] = from == kInputs - 1 ? PointSource::kNumber : PointSource::kRow;
      code[k].in[operand] = static_cast<std::uint8_t>(from);
      if (k > 0 && dice < 2) {
        code[k].source[operand] = PointSource::kLast;
        from = kInputs + k - 1;
      } else if (held > 0 && dice == 2) {
        code[k].source[operand] = PointSource::kHeld;
        from = held;
      }
      in.push_back(expected[from].data());
      step.push_back(from != kInputs - 1);
    }
    code[k].out = static_cast<std::uint8_t>(kInputs + k);
    code[k].keep = one_of(2) == 0;
    if (code[k].keep) kept.push_back(kInputs + k);
    code[k].hold = one_of(3) == 0;
    if (code[k].hold) held = kInputs + k;
    if (one_of(2) == 0) registers[kInputs + k].place = Place::kBlock;
    for (std::size_t row = 0; row < rows; ++row) {
      std::vector<const T*> at;
      for (const T* operand : in) at.push_back(operand + row * stride);
      run_op<T>(bodies, in.size(), at.data(), step.data(), nullptr, expected[kInputs + k].data() + row * stride, 0, 1, n);
    }
  }
  std::vector<T> room(registers.size() * kPointBlockBytes / sizeof(T) + 64);
  void* blocks = room.data();
  std::size_t bytes = room.size() * sizeof(T);
  std::align(64, registers.size() * kPointBlockBytes, blocks, bytes);
  runner(code.data(), registers.data(), registers.size(), static_cast<T*>(blocks), rows, n);
  for (std::size_t k = 0; k < kOps; ++k) {
    if (!code[k].keep || registers[kInputs + k].place == Place::kBlock) continue;
    for (std::size_t i = 0; i < rows * stride; ++i) {
      const T y = values[kInputs + k][i];
      const T one_by_one = expected[kInputs + k][i];
      ASSERT_TRUE(y == one_by_one || (std::isnan(y) && std::isnan(one_by_one))) << "op " << k << ", number " << i << ", rows of " << n;
    }
  }
}

TEST(PointKernels, InACodeGiveTheBitsOfOneOpAfterTheOtherOnEveryInstructionSet) {
  for (int nth = 0; limit_point_target(nth); ++nth) {
    SCOPED_TRACE(point_target());
    const Registry registry = make_registry();
    std::vector<const NodeKind*> kinds;
    for (const NodeKind* kind : registry.all()) {
      if (kind->role == Role::kPoint) kinds.push_back(kind);
    }
    std::mt19937_64 random(29);
    for (std::size_t n = 1; n < 300; n += 13) {
      check_code<float>(kinds, random, 1 + n % 4, n);
      check_code<double>(kinds, random, 1 + n % 4, n);
    }
  }
  EXPECT_TRUE(limit_point_target(-1));
}

TEST(PointKernels, AgreeWithTheirReferenceAndWorkInPlace) {
  const Registry registry = make_registry();
  std::mt19937_64 random(13);
  std::uniform_real_distribution<double> draw(0.2, 2);
  for (const NodeKind* kind : registry.all()) {
    if (kind->role != Role::kPoint) continue;
    std::vector<std::vector<double>> x(kind->operands.size(), std::vector<double>(37));
    for (auto& operand : x) {
      for (double& value : operand) value = draw(random);
    }
    const std::vector<double> y = apply<double>(*kind, x);
    for (std::size_t i = 0; i < y.size(); ++i) {
      std::vector<double> at;
      std::vector<std::complex<double>> complex_at;
      for (const auto& operand : x) at.push_back(operand[i]);
      for (const double value : at) complex_at.emplace_back(value, 1e-30);
      EXPECT_NEAR(y[i], kind->point.reference(at.data()), 1e-14) << kind->name;
      EXPECT_NEAR(y[i], kind->point.reference_complex(complex_at.data()).real(), 1e-14) << kind->name;
    }
    std::vector<const double*> in;
    for (const auto& operand : x) in.push_back(operand.data());
    const std::vector<std::uint8_t> step(x.size(), 1);
    run_op<double>(kind->point.f64, in.size(), in.data(), step.data(), nullptr, x.back().data(), 0, 1, x.back().size());
    EXPECT_EQ(x.back(), y) << kind->name;
  }
}

// The same on every instruction set that this processor has, not only on the best.
TEST(PointKernels, AreRightOnEveryInstructionSet) {
  int checked = 0;
  for (; limit_point_target(checked); ++checked) {
    SCOPED_TRACE(point_target());
    check_special<float>();
    check_special<double>();
    check_two_operands<float>();
    check_two_operands<double>();
  }
  EXPECT_GE(checked, 1);
  EXPECT_TRUE(limit_point_target(-1));
}

}  // namespace
}  // namespace tapeloop
