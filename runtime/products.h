// Products of matrices, row-major, with their scratch. One belongs to one run, hence to one thread at a time.
#pragma once

#include <cstdint>
#include <span>

#include "core/plan.h"
#include "runtime/buffers.h"
#include "runtime/product_kernels.h"

namespace tapeloop {

// Rows of a matrix; stride: numbers from row to row.
template <class T>
struct Strided {
  T* data = nullptr;
  std::int64_t stride = 0;
};

template <class T>
class Products {
 public:
  Products() = default;
  // Scratch for every product of the plan, so that none is taken while it runs: which thread meets which product is not fixed.
  explicit Products(const Plan& plan);

  // y[m, n] = a[m, k] b[k, n], overwritten.
  void multiply(const ProductSize& size, const T* a, const T* b, T* y);
  // y = from + a b with packed weights, rows maybe apart; from: no data: zeros; stride 0: one row for all; it may be y itself.
  // back: see ProductKernels.
  void multiply_packed(const ProductSize& size, const Strided<const T>& a, const T* packed, const Strided<const T>& from,
                       const Strided<T>& y, bool back);
  // Packs one of the blocks of weights that lie side by side in `packed` [size.k, size.n].
  void pack(const ProductSize& size, const WeightBlock& block, const T* weights, T* packed);
  void clear_past_end(const ProductSize& size, T* packed);  // what no block covers
  // y[k, n] = a[m, k]^T b[m, n], overwritten, or added to what is there.
  void multiply_transposed(const ProductSize& size, const T* a, std::int64_t lda, const T* b, std::int64_t ldb, T* y, bool add);
  // The same for several b that meet the same a, each added to its own y.
  void add_transposed(std::int64_t m, std::int64_t k, const T* a, std::int64_t lda, std::span<const SummedRight<T>> right);

 private:
  T* scratch(std::size_t count);

  const ProductKernels<T>& kernels_ = product_kernels<T>();
  AlignedArray<T> scratch_;
};

extern template class Products<float>;
extern template class Products<double>;

}  // namespace tapeloop
