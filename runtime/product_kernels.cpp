// Includes nothing but Highway, <cstd..> and its own table: see nodes/point_table.cpp.
#include "runtime/product_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/product_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "runtime/product_tile-inl.h"
#include "runtime/summed_products-inl.h"

// Names as Highway has them: a tag is d, functions of vectors begin with a capital. NOLINTBEGIN(readability-identifier-naming)
HWY_BEFORE_NAMESPACE();
namespace tapeloop::HWY_NAMESPACE {
namespace {

constexpr std::size_t kBlockRows = 128;  // of a: stay in the second level of cache while all panels pass by

// The last columns of a matrix: the tile goes by a small copy, as vectors would write past the row's end.
template <Into kInto, std::size_t kRows, class T>
HWY_NOINLINE void LastColumns(std::size_t k, const Tile<T>& tile, std::size_t columns) {
  constexpr Tag<T> d;
  const std::size_t width = PanelColumns<T>();
  HWY_ALIGN T copy[kRows * kWide * hn::MaxLanes(d)];
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::size_t j = 0; j < width; ++j) copy[i * width + j] = kInto == Into::kChain && j < columns ? tile.from[i * tile.ldf + j] : T(0);
  }
  Tile<T> inner = tile;
  inner.from = inner.c = copy;
  inner.ldf = inner.ldc = width;
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
    if (kInto == Into::kChain) tile.from += rows * tile.ldf;
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
std::size_t OneRow(std::size_t k, std::size_t n, const T* a, const T* packed, const T* from, T* c, bool back) {
  constexpr Tag<T> d;
  constexpr std::size_t kPanels = 4;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t width = PanelColumns<T>();
  const std::size_t groups = n / (kPanels * width);
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t done = (back ? groups - 1 - g : g) * kPanels * width;
    hn::Vec<Tag<T>> sum[kPanels][kWide];
    for (std::size_t q = 0; q < kPanels; ++q) {
      for (std::size_t v = 0; v < kWide; ++v) sum[q][v] = from ? hn::LoadU(d, from + done + q * width + v * lanes) : hn::Zero(d);
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
  return groups * kPanels * width;
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
void MultiplyPacked(std::size_t m, std::size_t k, std::size_t n, const T* a, std::size_t lda, const T* packed, const T* from,
                    std::size_t ldf, T* c, std::size_t ldc, bool back) {
  const std::size_t width = PanelColumns<T>();
  const std::size_t done = m == 1 ? OneRow(k, n, a, packed, from, c, back) : 0;
  const std::size_t panels = (n - done + width - 1) / width;
  const auto column = [&](std::size_t panel) { return done + (back ? panels - 1 - panel : panel) * width; };
  for (std::size_t row = 0; row < m; row += kBlockRows) {
    const std::size_t rows = HWY_MIN(kBlockRows, m - row);
    const std::size_t after = HWY_MIN(kBlockRows, m - row - rows);  // rows of the next block: on their way while this one is used
    std::size_t fetched = 0;
    for (std::size_t panel = 0; panel < panels; ++panel) {
      const std::size_t j = column(panel);
      for (const std::size_t fetch = after * (panel + 1) / panels; fetched < fetch; ++fetched) Fetch(k, a + (row + rows + fetched) * lda);
      Tile<T> tile{a + row * lda, lda, 1, packed + j * k, width, c + row * ldc + j, ldc};
      if (from) {
        tile.from = from + row * ldf + j;
        tile.ldf = ldf;
        if (panel + 1 < panels && ldf > 0) {
          const std::size_t next = column(panel + 1);
          for (std::size_t i = 0; i < rows; ++i) Fetch(HWY_MIN(width, n - next), from + (row + i) * ldf + next);
        }
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
  if (k == 0) {  // there is no b to point into
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < n; ++j) c[i * ldc + j] = T(0);
    }
  }
  if (m == 0 || k == 0) return;
  for (std::size_t j = 0; j < whole; j += width) Rows<Into::kSet>(m, k, Tile<T>{a, lda, 1, b + j, ldb, c + j, ldc}, width);
  if (whole == n) return;
  for (std::size_t i = 0; i < k * width; ++i) scratch[i] = T(0);
  Pack(k, n - whole, b + whole, ldb, 1, k, 0, 0, scratch);
  Rows<Into::kSet>(m, k, Tile<T>{a, lda, 1, scratch, width, c + whole, ldc}, n - whole);
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
// NOLINTEND(readability-identifier-naming)

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
