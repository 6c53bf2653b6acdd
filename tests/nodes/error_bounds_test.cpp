// The error bounds that nodes/lanes-inl.h states, against long double: over all exponents of both signs, so huge and denormal
// numbers too; dense where the functions bend and, number by number, on both sides of where a formula changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "nodes/point_table.h"
#include "nodes/registry.h"
#include "tests/nodes/apply_point.h"

namespace tapeloop {
namespace {

using Number = long double;

// How many units in the last place of the true value the found one is off; below the smallest normal number, of that one.
template <class T>
double ulps(T found, Number truth) {
  const T nearest = static_cast<T>(truth);
  if (found == nearest || (std::isnan(found) && std::isnan(truth))) return 0;
  if (!std::isfinite(found) || !std::isfinite(nearest)) {
    // Between the largest number and infinity lies one unit: rounding to either is an error of at most one.
    constexpr T kLargest = std::numeric_limits<T>::max();
    const bool beside = std::abs(std::isfinite(found) ? found : nearest) == kLargest && std::signbit(found) == std::signbit(nearest);
    return beside && !std::isnan(found) ? 1 : std::numeric_limits<double>::infinity();
  }
  const T size = std::max(std::abs(nearest), std::numeric_limits<T>::min());
  const T unit = size - std::nextafter(size, T(0));
  return static_cast<double>(std::abs(static_cast<Number>(found) - truth) / unit);
}

struct Function {
  std::string name;
  std::function<Number(Number)> truth;
  double ulps;  // the bound, of float and of double
};

// The numbers of "Error bounds" in nodes/lanes-inl.h.
std::vector<Function> functions() {
  const auto sigmoid = [](Number x) { return 1 / (1 + std::exp(-x)); };
  const auto softplus = [](Number x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); };
  return {{"exp", [](Number x) { return std::exp(x); }, 1.5},
          {"tanh", [](Number x) { return std::tanh(x); }, 3},
          {"sigmoid", sigmoid, 3},
          {"softplus", softplus, 3},
          {"log_sigmoid", [=](Number x) { return -softplus(-x); }, 3},
          {"log", [](Number x) { return std::log(x); }, 1.5},
          {"sqrt", [](Number x) { return std::sqrt(x); }, 0.5},
          {"square", [](Number x) { return x * x; }, 0.5},
          {"floor", [](Number x) { return std::floor(x); }, 0},
          {"abs", [](Number x) { return std::abs(x); }, 0}};
}

template <class T>
void add_all_exponents(std::vector<T>& x, std::mt19937_64& random) {
  std::uniform_real_distribution<double> mantissa(1, 2);
  constexpr int kEach = 40;
  using Limits = std::numeric_limits<T>;
  for (int e = Limits::min_exponent - Limits::digits; e < Limits::max_exponent; ++e) {
    for (int k = 0; k < kEach; ++k) x.push_back(std::ldexp(static_cast<T>(mantissa(random)) * (k % 2 == 0 ? T(1) : T(-1)), e));
  }
}

template <class T>
void add_ranges(std::vector<T>& x, std::mt19937_64& random) {
  constexpr int kEach = 20000;
  for (const double width : {1e-6, 1e-3, 0.1, 1.0, 3.0, 20.0, 120.0, 800.0}) {
    std::uniform_real_distribution<double> draw(-width, width);
    for (int k = 0; k < kEach; ++k) x.push_back(static_cast<T>(draw(random)));
  }
  std::uniform_real_distribution<double> near_one(0.4, 2.5);  // where log is small
  for (int k = 0; k < kEach; ++k) x.push_back(static_cast<T>(near_one(random)));
}

// Every number within 100 of where a formula changes: halves of log 2 (exp's reduction), roots of 2 (log's), under- and overflow.
template <class T>
void add_turns(std::vector<T>& x) {
  using Limits = std::numeric_limits<T>;
  const double log2 = std::log(2.0);
  std::vector<double> turns = {0, 1, 2, 9, 10, 20, 22, 36, 37, 40, 100, 104, 706, 709, 710, 715, 745, 1000, std::sqrt(0.5), std::sqrt(2.0)};
  for (int k = 1; k < 64; ++k) turns.push_back(k * log2 / 2);
  for (const int e : {Limits::max_exponent, Limits::min_exponent - 1, Limits::min_exponent - Limits::digits, Limits::digits}) {
    turns.push_back(e * log2);
    turns.push_back(e * log2 / 2);
  }
  for (const double turn : turns) {
    for (const T sign : {T(1), T(-1)}) {
      T up = static_cast<T>(turn) * sign;
      T down = up;
      for (int k = 0; k < 100; ++k, up = std::nextafter(up, Limits::infinity()), down = std::nextafter(down, -Limits::infinity())) {
        x.push_back(up);
        x.push_back(down);
      }
    }
  }
}

template <class T>
std::vector<T> places() {
  using Limits = std::numeric_limits<T>;
  std::mt19937_64 random(7);
  std::vector<T> x = {Limits::infinity(), -Limits::infinity(),  Limits::quiet_NaN(),  Limits::max(),
                      Limits::lowest(),   Limits::denorm_min(), -Limits::denorm_min()};
  add_all_exponents(x, random);
  add_ranges(x, random);
  add_turns(x);
  return x;
}

template <class T>
void check_bounds() {
  const Registry registry = make_registry();
  const std::vector<T> x = places<T>();
  for (const Function& one : functions()) {
    const std::vector<T> y = apply<T>(registry.at(one.name), {x});
    double worst = 0;
    T worst_at = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double off = ulps(y[i], one.truth(static_cast<Number>(x[i])));
      if (off > worst) {
        worst = off;
        worst_at = x[i];
      }
    }
    EXPECT_LE(worst, one.ulps) << one.name << " at " << std::hexfloat << worst_at;
  }
}

TEST(ErrorBounds, HoldOnEveryInstructionSet) {
  int checked = 0;
  for (; limit_point_target(checked); ++checked) {
    SCOPED_TRACE(point_target());
    check_bounds<float>();
    check_bounds<double>();
  }
  EXPECT_GE(checked, 1);
  EXPECT_TRUE(limit_point_target(-1));
}

}  // namespace
}  // namespace tapeloop
