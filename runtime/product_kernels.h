// Matrix products for every instruction set, the best one chosen at run time. What they promise, and vendor libraries do not:
// nothing is allocated, an element of the result is one chain of multiply-adds in ascending order, so its bits do not depend on
// how many rows or columns are computed with it, and rows may lie apart (columns of a wider matrix). As fast as oneDNN's packed
// matmul at 4 to 64 rows.
// Both sides of this table share no header: see nodes/point_table.h.
#pragma once

#include <cstddef>

namespace tapeloop {

// Weights b[k, n] are read in panels of a few vectors' columns, packed as [panel][k][columns of a panel], zeros past n.
// kPanelRoom: a packed matrix has at most k * (n rounded up to this) numbers, on every processor.
inline constexpr std::size_t kPanelRoom = 32;

// A right side of a^T b, and what the product is added to.
template <class T>
struct SummedRight {
  std::size_t n;
  const T* b;
  std::size_t ldb;
  T* c;
  std::size_t ldc;
};

template <class T>
struct ProductKernels {
  // Element (i, j) of b[k, n] is b[i * step_k + j * step_n]; it becomes element (row + i, column + j) of a packed matrix of
  // `rows` rows. What no block covers must have been set to zeros.
  void (*pack)(std::size_t k, std::size_t n, const T* b, std::size_t step_k, std::size_t step_n, std::size_t rows, std::size_t row,
               std::size_t column, T* packed);
  // c[m, n] = from[m, n] + a[m, k] b; lda, ldf and ldc: numbers from row to row. from may be null (zeros) or c itself; ldf may be 0.
  // back: panels from the last to the first. Steps that take turns find the panels of the step before that are still in cache.
  void (*multiply_packed)(std::size_t m, std::size_t k, std::size_t n, const T* a, std::size_t lda, const T* packed, const T* from,
                          std::size_t ldf, T* c, std::size_t ldc, bool back);
  // The same by b[k, n] as it lies, row-major. scratch: k * kPanelRoom numbers.
  void (*multiply)(std::size_t m, std::size_t k, std::size_t n, const T* a, std::size_t lda, const T* b, std::size_t ldb, T* c,
                   std::size_t ldc, T* scratch);
  // c[k, n] += a[m, k]^T b[m, n] for each of the `count` pairs of b and c, the m rows in blocks of kSummedRows that are added in
  // order. scratch: kTransposedScratch numbers.
  void (*multiply_transposed)(std::size_t m, std::size_t k, const T* a, std::size_t lda, const SummedRight<T>* right, std::size_t count,
                              T* scratch);
};

inline constexpr std::size_t kSummedRows = 512;
inline constexpr std::size_t kStripColumns = 256;  // of a at a time: packed, they stay in the second level of cache
inline constexpr std::size_t kTransposedScratch = kSummedRows * (kStripColumns + 2 * kPanelRoom);  // numbers

template <class T>
const ProductKernels<T>& product_kernels();
const char* product_target();  // the instruction set: "AVX3"

}  // namespace tapeloop
