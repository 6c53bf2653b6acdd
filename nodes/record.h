// What records are made with: kernels from bodies, costs, example shapes.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/builder.h"
#include "core/kind.h"

namespace tapeloop::kinds {

// The vector kernels of a point kind, by its name. REQUIRES: there is such a body.
PointKernel vector_kernel(std::string_view name);

template <class Point>
NodeKind point_kind(std::string_view name, void (*describe)(NodeKind&)) {
  NodeKind kind;
  kind.name = name;
  kind.role = Role::kPoint;
  kind.point = vector_kernel(name);
  kind.point.reference = [](const double* x) { return Point::run(x); };
  kind.point.reference_complex = [](const std::complex<double>* x) { return Point::run(x); };
  describe(kind);
  return kind;
}

inline NodeKind plain_kind(std::string_view name, void (*describe)(NodeKind&)) {
  NodeKind kind;
  kind.name = name;
  describe(kind);
  return kind;
}

// kind.local = local_kernel<Concat>(): Concat has `prepare`, `kernel` and `reference`.
template <class Local>
LocalKernel local_kernel() {
  LocalKernel local;
  local.f32 = &Local::template kernel<float>;
  local.f64 = &Local::template kernel<double>;
  local.prepare = &Local::prepare;
  local.reference = &Local::template reference<double>;
  local.reference_complex = &Local::template reference<std::complex<double>>;
  return local;
}

std::int64_t elements_of(const std::vector<std::int64_t>& dims);
// Product of all dimensions but the last, and the last (1, 1 of a scalar).
struct Rows {
  std::int64_t count = 1;
  std::int64_t width = 1;
};
Rows rows_of(const std::vector<std::int64_t>& dims);

// Cost of `per_element` flops for each element of the result.
template <int per_element>
Cost element_cost(const LocalShapes& shapes) {
  return {static_cast<double>(per_element) * static_cast<double>(elements_of(shapes.result))};
}
// Of kinds that only move numbers.
inline Cost no_cost(const LocalShapes&) { return {}; }

// Sum of n numbers in an order that depends on n alone: eight lanes, their tree, then the rest.
template <class T>
T sum_of(const T* x, std::int64_t n) {
  T lane[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int k = 0; k < 8; ++k) lane[k] += x[i + k];
  }
  T sum = ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
  for (; i < n; ++i) sum += x[i];
  return sum;
}

// An int that is stored as a float, or -1 if it is not in [0, n).
template <class T>
std::int64_t whole_below(T value, std::int64_t n) {
  const bool inside = value > T(-0.5) && value < static_cast<T>(n) - T(0.5);
  return inside ? static_cast<std::int64_t>(value + T(0.5)) : -1;
}

// Int where all operands are whole numbers, else float: of kinds that only move numbers.
Type type_of_all(const InferContext& c);

inline double real_part(double x) { return x; }
inline double real_part(const std::complex<double>& x) { return x.real(); }

// Scalar, vector, longer vector, matrix, and (for more than one operand) each stretched against the others.
std::vector<Example> point_examples(int operands, double low = -2, double high = 2);
// int_below as in Example: which operands are ints, and below what.
Example example(std::vector<std::vector<std::int64_t>> operands, Attributes attributes = {}, std::vector<std::int64_t> int_below = {});

// A number known before the run as an option's value; the size's text while it is free (such a plan is only shown).
AttributeValue size_option(const Sizes& sizes, const Dim& dim);
// The same numbers under another shape.
Term reshaped(AdjointBuilder& d, Term value, const Shape& shape);

OptionSpec option(std::string_view name, OptionSpec::Type type, std::string_view doc);  // must be given
OptionSpec option(std::string_view name, OptionSpec::Type type, AttributeValue otherwise, std::string_view doc);
OptionSpec from(double least, OptionSpec spec);                  // a number not below
OptionSpec between(double least, double most, OptionSpec spec);  // both may be reached
OptionSpec below(double least, double most, OptionSpec spec);    // `most` may not
OptionSpec per_option();                                         // of random draws: step, or sequence

}  // namespace tapeloop::kinds
