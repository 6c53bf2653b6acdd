// Products of matrices, row-major: oneDNN for float where the build found it, Eigen otherwise and for double.
//
// An object, so that a library's packed forms of weights can be kept in it. One belongs to one run, hence to one thread at a time.
// No product allocates memory but dnnl_sgemm, which takes scratch from malloc and gives it back within the call; it serves weights
// of more than 32 x 32 numbers, Eigen the smaller ones.
#pragma once

#include "core/plan.h"

namespace tapeloop {

template <class T>
class Products {
 public:
  // y[m, n] = a[m, k] b[k, n], overwritten.
  void multiply(const ProductSize& size, const T* a, const T* b, T* y);
  // y[k, n] = a[m, k]^T b[m, n], overwritten, or added to what is there.
  void multiply_transposed(const ProductSize& size, const T* a, const T* b, T* y, bool add);
};

extern template class Products<float>;
extern template class Products<double>;

}  // namespace tapeloop
