// Includes nothing but Highway, <cstd..> and its own table: see nodes/point_table.cpp.
//
// One micro-kernel holds a tile of the result in registers: kTall rows by two vectors. Every vector of b that is loaded meets
// kTall numbers of a, so loads are no bottleneck and the tile runs at the rate of the multiply-add units.
#include "runtime/product_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/product_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tapeloop::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::ScalableTag<T>;

constexpr std::size_t kWide = 2;  // vectors of a panel
// 32 registers hold 8 x 2 sums and what they need; 16 registers 4 x 2.
constexpr std::size_t kTall = HWY_TARGET <= HWY_AVX3 ? 8 : 4;
constexpr std::size_t kBlockRows = 128;  // of a: stay in the second level of cache while all panels pass by

template <class T>
HWY_INLINE std::size_t PanelColumns() {
  return kWide * hn::Lanes(Tag<T>());
}

// Where the numbers of a tile lie: a[i * lda + p * step], b[p * ldb], c[i * ldc].
template <class T>
struct Tile {
  const T* a;
  std::size_t lda;
  std::size_t step;
  const T* b;
  std::size_t ldb;
  T* c;
  std::size_t ldc;
};

enum class Into { kSet, kChain, kSum };  // c = a b; c is the chain's first number; c += a b

template <Into kInto, std::size_t kRows, std::size_t kVectors, class T>
HWY_INLINE void Micro(std::size_t k, const Tile<T>& tile) {
  constexpr Tag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<Tag<T>> sum[kRows][kVectors];
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      sum[i][v] = kInto == Into::kChain ? hn::LoadU(d, tile.c + i * tile.ldc + v * lanes) : hn::Zero(d);
    }
  }
  const T* HWY_RESTRICT a = tile.a;
  const T* HWY_RESTRICT b = tile.b;
  for (std::size_t p = 0; p < k; ++p, a += tile.step, b += tile.ldb) {
    hn::Vec<Tag<T>> right[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) right[v] = hn::LoadU(d, b + v * lanes);
    for (std::size_t i = 0; i < kRows; ++i) {
      const hn::Vec<Tag<T>> left = hn::Set(d, a[i * tile.lda]);
      for (std::size_t v = 0; v < kVectors; ++v) sum[i][v] = hn::MulAdd(left, right[v], sum[i][v]);
    }
  }
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      T* c = tile.c + i * tile.ldc + v * lanes;
      hn::StoreU(kInto == Into::kSum ? hn::Add(hn::LoadU(d, c), sum[i][v]) : sum[i][v], d, c);
    }
  }
}

// The last columns of a matrix: the tile goes by a small copy, as vectors would write past the row's end.
template <Into kInto, std::size_t kRows, class T>
HWY_NOINLINE void LastColumns(std::size_t k, const Tile<T>& tile, std::size_t columns) {
  constexpr Tag<T> d;
  const std::size_t width = PanelColumns<T>();
  HWY_ALIGN T copy[kRows * kWide * hn::MaxLanes(d)];
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::size_t j = 0; j < width; ++j) copy[i * width + j] = kInto != Into::kSet && j < columns ? tile.c[i * tile.ldc + j] : T(0);
  }
  Tile<T> inner = tile;
  inner.c = copy;
  inner.ldc = width;
  if (columns <= hn::Lanes(d)) {
    Micro<kInto, kRows, 1>(k, inner);
  } else {
    Micro<kInto, kRows, kWide>(k, inner);
  }
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) tile.c[i * tile.ldc + j] = copy[i * width + j];
  }
}

template <Into kInto, std::size_t kRows, class T>
HWY_INLINE void Columns(std::size_t k, const Tile<T>& tile, std::size_t columns) {
  if (columns >= PanelColumns<T>()) {
    Micro<kInto, kRows, kWide>(k, tile);
  } else {
    LastColumns<kInto, kRows>(k, tile, columns);
  }
}

// m rows of one panel.
template <Into kInto, class T>
void Rows(std::size_t m, std::size_t k, Tile<T> tile, std::size_t columns) {
  const auto down = [&](std::size_t rows) {
    tile.a += rows * tile.lda;
    tile.c += rows * tile.ldc;
    m -= rows;
  };
  for (; m >= kTall; down(kTall)) Columns<kInto, kTall>(k, tile, columns);
  if (kTall > 4 && m >= 4) {
    Columns<kInto, 4>(k, tile, columns);
    down(4);
  }
  if (m >= 2) {
    Columns<kInto, 2>(k, tile, columns);
    down(2);
  }
  if (m >= 1) Columns<kInto, 1>(k, tile, columns);
}

// One row: a few panels at once, as the sums of a single panel would wait for each other.
template <class T>
std::size_t OneRow(std::size_t k, std::size_t n, const T* a, const T* packed, T* c, bool add) {
  constexpr Tag<T> d;
  constexpr std::size_t kPanels = 4;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t width = PanelColumns<T>();
  std::size_t done = 0;
  for (; done + kPanels * width <= n; done += kPanels * width) {
    hn::Vec<Tag<T>> sum[kPanels][kWide];
    for (std::size_t q = 0; q < kPanels; ++q) {
      for (std::size_t v = 0; v < kWide; ++v) sum[q][v] = add ? hn::LoadU(d, c + done + q * width + v * lanes) : hn::Zero(d);
    }
    const T* HWY_RESTRICT b = packed + done * k;
    for (std::size_t p = 0; p < k; ++p, b += width) {
      const hn::Vec<Tag<T>> left = hn::Set(d, a[p]);
      for (std::size_t q = 0; q < kPanels; ++q) {
        for (std::size_t v = 0; v < kWide; ++v) sum[q][v] = hn::MulAdd(left, hn::LoadU(d, b + q * k * width + v * lanes), sum[q][v]);
      }
    }
    for (std::size_t q = 0; q < kPanels; ++q) {
      for (std::size_t v = 0; v < kWide; ++v) hn::StoreU(sum[q][v], d, c + done + q * width + v * lanes);
    }
  }
  return done;
}

template <class T>
void Pack(std::size_t k, std::size_t n, const T* b, std::size_t step_k, std::size_t step_n, std::size_t rows, std::size_t row,
          std::size_t column, T* packed) {
  const std::size_t width = PanelColumns<T>();
  for (std::size_t j = 0; j < n;) {
    const std::size_t inside = (column + j) % width;
    const std::size_t count = HWY_MIN(width - inside, n - j);
    T* out = packed + (column + j - inside) * rows + row * width + inside;
    const T* from = b + j * step_n;
    for (std::size_t i = 0; i < k; ++i, out += width, from += step_k) {
      if (step_n == 1) {
        for (std::size_t q = 0; q < count; ++q) out[q] = from[q];
      } else {
        for (std::size_t q = 0; q < count; ++q) out[q] = from[q * step_n];
      }
    }
    j += count;
  }
}

template <class T>
void MultiplyPacked(std::size_t m, std::size_t k, std::size_t n, const T* a, std::size_t lda, const T* packed, T* c, std::size_t ldc,
                    bool add) {
  const std::size_t width = PanelColumns<T>();
  const std::size_t done = m == 1 ? OneRow(k, n, a, packed, c, add) : 0;
  for (std::size_t row = 0; row < m; row += kBlockRows) {
    const std::size_t rows = HWY_MIN(kBlockRows, m - row);
    for (std::size_t j = done; j < n; j += width) {
      const Tile<T> tile{a + row * lda, lda, 1, packed + j * k, width, c + row * ldc + j, ldc};
      if (add) {
        Rows<Into::kChain>(rows, k, tile, n - j);
      } else {
        Rows<Into::kSet>(rows, k, tile, n - j);
      }
    }
  }
}

template <class T>
void Multiply(std::size_t m, std::size_t k, std::size_t n, const T* a, std::size_t lda, const T* b, std::size_t ldb, T* c, std::size_t ldc,
              T* scratch) {
  const std::size_t width = PanelColumns<T>();
  const std::size_t whole = n - n % width;
  for (std::size_t j = 0; j < whole; j += width) Rows<Into::kSet>(m, k, Tile<T>{a, lda, 1, b + j, ldb, c + j, ldc}, width);
  if (whole == n) return;
  for (std::size_t i = 0; i < k * width; ++i) scratch[i] = T(0);
  Pack(k, n - whole, b + whole, ldb, 1, k, 0, 0, scratch);
  Rows<Into::kSet>(m, k, Tile<T>{a, lda, 1, scratch, width, c + whole, ldc}, n - whole);
}

// m rows of x, cut into strips: [strip][m][kColumns], zeros past the last column.
template <class T>
void PackStrips(std::size_t m, std::size_t n, const T* x, std::size_t ld, std::size_t columns, T* out) {
  for (std::size_t i = 0; i < m; ++i, x += ld) {
    std::size_t j = 0;
    T* strip = out + i * columns;
    for (; j + columns <= n; j += columns, strip += m * columns) {
      for (std::size_t q = 0; q < columns; ++q) strip[q] = x[j + q];
    }
    if (j == n) continue;
    for (std::size_t q = 0; q < columns; ++q) strip[q] = j + q < n ? x[j + q] : T(0);
  }
}

// One strip of the result's rows: rows of c are columns of a.
template <class T>
void StripOfColumns(std::size_t m, std::size_t rows, Tile<T> tile, std::size_t columns) {
  if (rows >= kTall) return Columns<Into::kSum, kTall>(m, tile, columns);
  for (std::size_t i = 0; i < rows; ++i, ++tile.a, tile.c += tile.ldc) Columns<Into::kSum, 1>(m, tile, columns);
}

template <class T>
void MultiplyTransposed(std::size_t m, std::size_t k, std::size_t n, const T* a, std::size_t lda, const T* b, std::size_t ldb, T* c,
                        std::size_t ldc, T* scratch) {
  const std::size_t width = PanelColumns<T>();
  for (std::size_t row = 0; row < m; row += kSummedRows) {
    const std::size_t rows = HWY_MIN(kSummedRows, m - row);
    T* left = scratch;
    T* right = scratch + kSummedRows * (k + kPanelRoom);
    PackStrips(rows, k, a + row * lda, lda, kTall, left);
    PackStrips(rows, n, b + row * ldb, ldb, width, right);
    for (std::size_t j = 0; j < n; j += width) {
      for (std::size_t i = 0; i < k; i += kTall) {
        const Tile<T> tile{left + i * rows, 1, kTall, right + j * rows, width, c + i * ldc + j, ldc};
        StripOfColumns(rows, k - i, tile, n - j);
      }
    }
  }
}

}  // namespace

template <class T>
const ProductKernels<T>* Table() {
  static const ProductKernels<T> table{&Pack<T>, &MultiplyPacked<T>, &Multiply<T>, &MultiplyTransposed<T>};
  return &table;
}

const ProductKernels<float>* FloatTable() { return Table<float>(); }
const ProductKernels<double>* DoubleTable() { return Table<double>(); }
const char* ProductTarget() { return hwy::TargetName(HWY_TARGET); }

}  // namespace tapeloop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tapeloop {

HWY_EXPORT(FloatTable);
HWY_EXPORT(DoubleTable);
HWY_EXPORT(ProductTarget);

template <>
const ProductKernels<float>& product_kernels<float>() {
  return *HWY_DYNAMIC_DISPATCH(FloatTable)();
}
template <>
const ProductKernels<double>& product_kernels<double>() {
  return *HWY_DYNAMIC_DISPATCH(DoubleTable)();
}
const char* product_target() { return HWY_DYNAMIC_DISPATCH(ProductTarget)(); }

}  // namespace tapeloop
#endif
