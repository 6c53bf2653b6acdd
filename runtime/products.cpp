#include "runtime/products.h"

#include <algorithm>

namespace tapeloop {
namespace {

static_assert(kPanelRoom == kPackedColumns);

std::size_t count(std::int64_t number) { return static_cast<std::size_t>(number); }

}  // namespace

template <class T>
Products<T>::Products(const Plan& plan) {
  for (const Instruction& made : plan.instructions) {
    if (made.op == OpCode::kProduct && !made.packed) scratch(count(made.product.k) * kPanelRoom);
    if (made.op == OpCode::kProductSum) scratch(kTransposedScratch);
  }
}

template <class T>
T* Products<T>::scratch(std::size_t count) {
  scratch_.grow(count);
  return scratch_.data();
}

template <class T>
void Products<T>::multiply(const ProductSize& size, const T* a, const T* b, T* y) {
  const std::size_t m = count(size.m);
  const std::size_t k = count(size.k);
  const std::size_t n = count(size.n);
  kernels_.multiply(m, k, n, a, k, b, n, y, n, scratch(k * kPanelRoom));
}

template <class T>
void Products<T>::pack(const ProductSize& size, const WeightBlock& block, const T* weights, T* packed) {
  const std::size_t k = count(size.k);
  const std::size_t n = count(block.n);
  kernels_.pack(k, n, weights, block.transposed ? 1 : n, block.transposed ? k : 1, k, 0, count(block.column), packed);
}

template <class T>
void Products<T>::clear_past_end(const ProductSize& size, T* packed) {
  const std::int64_t whole = size.n / kPackedColumns * kPackedColumns;
  std::fill(packed + size.k * whole, packed + packed_elements(size.k, size.n), T(0));
}

template <class T>
void Products<T>::multiply_packed(const ProductSize& size, const Strided<const T>& a, const T* packed, const Strided<const T>& from,
                                  const Strided<T>& y, bool back) {
  kernels_.multiply_packed(count(size.m), count(size.k), count(size.n), a.data, count(a.stride), packed, from.data, count(from.stride),
                           y.data, count(y.stride), back);
}

template <class T>
void Products<T>::multiply_transposed(const ProductSize& size, const T* a, std::int64_t lda, const T* b, std::int64_t ldb, T* y, bool add) {
  if (!add) std::fill_n(y, size.k * size.n, T(0));
  const SummedRight<T> right{count(size.n), b, count(ldb), y, count(size.n)};
  add_transposed(size.m, size.k, a, lda, {&right, 1});
}

template <class T>
void Products<T>::add_transposed(std::int64_t m, std::int64_t k, const T* a, std::int64_t lda, std::span<const SummedRight<T>> right) {
  kernels_.multiply_transposed(count(m), count(k), a, count(lda), right.data(), right.size(), scratch(kTransposedScratch));
}

template class Products<float>;
template class Products<double>;

}  // namespace tapeloop
