// Reductions over the shape: all of it, or its last dimension. Each row of the operand gives one number of the result.
#pragma once

#include "nodes/record.h"

namespace tapeloop::kinds {

// Reduction: `of` (the kernel's) and `meaning` (the reference's), both from n >= 0 numbers to one.
template <class Reduction>
struct Reduce {
  // numbers: rows, width
  static LocalParams prepare(const LocalShapes& shapes, const Attributes&) {
    const std::int64_t rows = elements_of(shapes.result);
    LocalParams params;
    params.numbers = {rows, rows == 0 ? 0 : elements_of(shapes.operands[0]) / rows};
    return params;
  }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const std::int64_t rows = call.params[0];
    const std::int64_t width = call.params[1];
    for (std::int64_t point = 0; point < call.points; ++point) {
      const T* x = call.in[0] + point * call.in_stride[0];
      T* out = call.out + point * rows;
      for (std::int64_t row = 0; row < rows; ++row) out[row] = Reduction::of(x + row * width, width);
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const std::int64_t rows = elements_of(call.shapes->result);
    const std::int64_t width = elements_of(call.shapes->operands[0]) / std::max<std::int64_t>(1, rows);
    for (std::int64_t row = 0; row < rows; ++row) call.out[row] = Reduction::meaning(call.in[0] + row * width, width);
  }
};

struct Sum {
  template <class T>
  static T of(const T* x, std::int64_t n) {
    return sum_of(x, n);
  }
  template <class S>
  static S meaning(const S* x, std::int64_t n) {
    S sum = 0;
    for (std::int64_t k = n; k-- > 0;) sum += x[k];
    return sum;
  }
};

// Of equals the first.
template <bool largest>
struct Position {
  template <class T>
  static std::int64_t index(const T* x, std::int64_t n) {
    std::int64_t best = 0;
    for (std::int64_t k = 1; k < n; ++k) {
      if (largest ? x[k] > x[best] : x[k] < x[best]) best = k;
    }
    return best;
  }
  template <class T>
  static T of(const T* x, std::int64_t n) {
    return static_cast<T>(index(x, n));
  }
  template <class S>
  static std::int64_t meant(const S* x, std::int64_t n) {
    std::int64_t best = n - 1;
    for (std::int64_t k = n; k-- > 0;) {
      const double difference = real_part(x[k]) - real_part(x[best]);
      if (largest ? difference >= 0 : difference <= 0) best = k;
    }
    return best;
  }
  template <class S>
  static S meaning(const S* x, std::int64_t n) {
    return S(static_cast<double>(meant(x, n)));
  }
};

template <bool largest>
struct Extreme {
  template <class T>
  static T of(const T* x, std::int64_t n) {
    return n == 0 ? T(0) : x[Position<largest>::index(x, n)];
  }
  template <class S>
  static S meaning(const S* x, std::int64_t n) {
    return n == 0 ? S(0) : x[Position<largest>::meant(x, n)];
  }
};

// The result's shape: [], [..] without the last dimension, [.., 1]. A scalar stays one.
void infer_reduced_shape(InferContext& c);
void infer_without_last(InferContext& c);
void infer_last_as_one(InferContext& c);

// dx += dy where x is the extreme, found by an arg kind of the same dimensions.
void add_at_position(AdjointBuilder& d, std::string_view position_kind);

Cost reduction_cost(const LocalShapes& shapes);
std::vector<Example> reduction_examples();

}  // namespace tapeloop::kinds
