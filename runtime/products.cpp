#include "runtime/products.h"

#include <Eigen/Core>
#include <algorithm>
#include <stdexcept>
#include <type_traits>

#ifdef TAPELOOP_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

namespace tapeloop {
namespace {

template <class T>
using Matrix = Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
template <class T>
using ConstMatrix = Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

#ifdef TAPELOOP_ONEDNN
constexpr bool kOneDnn = true;

// c[m, n] = op(a) b, plus beta c; lda is the width of a as it lies in memory.
void sgemm(char transpose_a, std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda, const float* b, float beta,
           float* c) {
  const dnnl_status_t status = dnnl_sgemm(transpose_a, 'N', m, n, k, 1.0F, a, lda, b, n, beta, c, n);
  if (status != dnnl_success) throw std::runtime_error("oneDNN: a product failed with status " + std::to_string(status));
}
#else
constexpr bool kOneDnn = false;
void sgemm(char, std::int64_t, std::int64_t, std::int64_t, const float*, std::int64_t, const float*, float, float*) {}
#endif

// dnnl_sgemm takes scratch from malloc at every call; weights of at most 32 x 32 do not repay that.
constexpr std::int64_t kSmallWeights = 32 * 32;

template <class T>
bool by_onednn(const ProductSize& size) {
  return kOneDnn && std::is_same_v<T, float> && size.k * size.n > kSmallWeights;
}

}  // namespace

template <class T>
void Products<T>::multiply(const ProductSize& size, const T* a, const T* b, T* y) {
  const auto [m, k, n] = size;
  if (m == 0 || n == 0) return;
  if (k == 0) {
    std::fill_n(y, m * n, T(0));
    return;
  }
  if constexpr (std::is_same_v<T, float>) {
    if (by_onednn<T>(size)) return sgemm('N', m, n, k, a, k, b, 0.0F, y);
  }
  Matrix<T>(y, m, n).noalias() = ConstMatrix<T>(a, m, k) * ConstMatrix<T>(b, k, n);
}

template <class T>
void Products<T>::multiply_transposed(const ProductSize& size, const T* a, const T* b, T* y, bool add) {
  const auto [m, k, n] = size;
  if (k == 0 || n == 0) return;
  if (m == 0) {
    if (!add) std::fill_n(y, k * n, T(0));
    return;
  }
  if constexpr (std::is_same_v<T, float>) {
    if (by_onednn<T>(size)) return sgemm('T', k, n, m, a, k, b, add ? 1.0F : 0.0F, y);
  }
  if (add) {
    Matrix<T>(y, k, n).noalias() += ConstMatrix<T>(a, m, k).transpose() * ConstMatrix<T>(b, m, n);
  } else {
    Matrix<T>(y, k, n).noalias() = ConstMatrix<T>(a, m, k).transpose() * ConstMatrix<T>(b, m, n);
  }
}

template class Products<float>;
template class Products<double>;

}  // namespace tapeloop
