// Sums over points, c += a^T b: a block of a's columns is packed in strips of kTall, b in panels, both while they are used for the
// first time. Read once for every instruction set, within Highway's unit: see product_kernels.cpp.
#if defined(TAPELOOP_SUMMED_PRODUCTS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPELOOP_SUMMED_PRODUCTS_INL_H
#undef TAPELOOP_SUMMED_PRODUCTS_INL_H
#else
#define TAPELOOP_SUMMED_PRODUCTS_INL_H
#endif

#include <hwy/highway.h>

#include <cstddef>

#include "runtime/product_kernels.h"
#include "runtime/product_tile-inl.h"

// Names as Highway has them: a tag is d, functions of vectors begin with a capital. NOLINTBEGIN(readability-identifier-naming)
HWY_BEFORE_NAMESPACE();
namespace tapeloop::HWY_NAMESPACE {
namespace {

// Some rows at a time, so that reads go along a few rows and writes go along a strip.
constexpr std::size_t kPackedRows = 8;

// m rows of a, cut into strips: [strip][m][kTall], zeros past the last column.
template <class T>
HWY_NOINLINE void PackLeft(std::size_t m, std::size_t k, const T* a, std::size_t lda, T* out) {
  for (std::size_t row = 0; row < m; row += kPackedRows) {
    const std::size_t rows = HWY_MIN(kPackedRows, m - row);
    const T* HWY_RESTRICT from = a + row * lda;
    T* HWY_RESTRICT strip = out + row * kTall;
    std::size_t j = 0;
    for (; j + kTall <= k; j += kTall, strip += m * kTall) {
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t q = 0; q < kTall; ++q) strip[i * kTall + q] = from[i * lda + j + q];
      }
    }
    for (std::size_t i = 0; i < rows && j < k; ++i) {
      for (std::size_t q = 0; q < kTall; ++q) strip[i * kTall + q] = j + q < k ? from[i * lda + j + q] : T(0);
    }
  }
}

// m rows of b, n columns, into a panel.
template <class T>
HWY_NOINLINE void PackRight(std::size_t m, std::size_t n, const T* b, std::size_t ldb, T* out) {
  const std::size_t width = PanelColumns<T>();
  for (std::size_t i = 0; i < m; ++i, b += ldb, out += width) {
    for (std::size_t j = 0; j < n; ++j) out[j] = b[j];
  }
}

// Columns of a as they lie, and the place where they are kept in strips; `kept`: they are there already.
template <class T>
struct LeftBlock {
  std::size_t rows;
  std::size_t columns;
  const T* a;
  std::size_t lda;
  T* strips;
  bool kept = false;
};

// A whole strip of the result's rows and a whole panel, which is read from b the first time and from where it is kept afterwards.
template <class T>
HWY_INLINE void WholeStrip(const LeftBlock<T>& left, std::size_t i, Tile<T> tile, const T* b, std::size_t ldb) {
  if (i == 0) {
    tile.kept_b = const_cast<T*>(tile.b);
    tile.b = b;
    tile.ldb = ldb;
  }
  if (left.kept) {
    if (i == 0) return Micro<Into::kSum, kTall, kWide, Keep::kRight>(left.rows, tile);
    return Micro<Into::kSum, kTall, kWide>(left.rows, tile);
  }
  tile.kept_a = left.strips + i * left.rows;
  tile.a = left.a + i;
  tile.step = left.lda;
  if (i == 0) return Micro<Into::kSum, kTall, kWide, Keep::kBoth>(left.rows, tile);
  Micro<Into::kSum, kTall, kWide, Keep::kLeft>(left.rows, tile);
}

// c += a^T b for one block of a's columns and whole panels of b. Whole strips are packed while they are used for the first time, and so
// is each panel; columns of a that fill no strip beforehand. The lines of the next panel are on their way meanwhile.
template <class T>
void AddPanels(LeftBlock<T>& left, const SummedRight<T>& right, T* scratch) {
  const std::size_t width = PanelColumns<T>();
  const std::size_t whole = left.columns - left.columns % kTall;
  for (std::size_t j = 0; j + width <= right.n; j += width) {
    if (!left.kept) PackLeft(left.rows, left.columns - whole, left.a + whole, left.lda, left.strips + whole * left.rows);
    if (whole == 0) PackRight(left.rows, width, right.b + j, right.ldb, scratch);
    const std::size_t ahead = j + 2 * width <= right.n ? left.rows : 0;
    std::size_t fetched = 0;
    for (std::size_t i = 0; i < left.columns; i += kTall) {
      for (const std::size_t fetch = ahead * (i + kTall) / left.columns; fetched < HWY_MIN(fetch, ahead); ++fetched) {
        Fetch(width, right.b + j + width + fetched * right.ldb);
      }
      Tile<T> tile{left.strips + i * left.rows, 1, kTall, scratch, width, right.c + i * right.ldc + j, right.ldc};
      if (i < whole) {
        WholeStrip(left, i, tile, right.b + j, right.ldb);
        continue;
      }
      for (std::size_t q = i; q < left.columns; ++q, ++tile.a, tile.c += tile.ldc) Micro<Into::kSum, 1, kWide>(left.rows, tile);
    }
    left.kept = true;
  }
}

// The last columns of several right sides share a panel.
template <class T>
struct SharedPanel {
  static constexpr std::size_t kMost = 2 * kPanelRoom;  // no piece is empty
  SummedRight<T> pieces[kMost];
  std::size_t count = 0;
  std::size_t columns = 0;
};

template <class T>
void AddShared(LeftBlock<T>& left, SharedPanel<T>& panel, T* scratch) {
  constexpr Tag<T> d;
  const std::size_t width = PanelColumns<T>();
  if (panel.count == 0) return;
  if (!left.kept) PackLeft(left.rows, left.columns, left.a, left.lda, left.strips);
  left.kept = true;
  std::size_t column = 0;
  for (std::size_t q = 0; q < panel.count; column += panel.pieces[q++].n) {
    PackRight(left.rows, panel.pieces[q].n, panel.pieces[q].b, panel.pieces[q].ldb, scratch + column);
  }
  for (std::size_t i = 0; i < left.rows; ++i) {
    for (std::size_t j = column; j < width; ++j) scratch[i * width + j] = T(0);
  }
  HWY_ALIGN T sums[kTall * kWide * hn::MaxLanes(d)];
  for (std::size_t i = 0; i < left.columns; i += kTall) {
    const std::size_t rows = HWY_MIN(kTall, left.columns - i);
    const Tile<T> tile{left.strips + i * left.rows, 1, kTall, scratch, width, sums, width};
    if (column <= hn::Lanes(d)) {  // strips have room for all of kTall, zeros past the last column
      Micro<Into::kSet, kTall, 1>(left.rows, tile);
    } else {
      Micro<Into::kSet, kTall, kWide>(left.rows, tile);
    }
    const T* sum = sums;
    for (std::size_t q = 0; q < panel.count; sum += panel.pieces[q++].n) {
      const SummedRight<T>& piece = panel.pieces[q];
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t j = 0; j < piece.n; ++j) piece.c[(i + r) * piece.ldc + j] += sum[r * width + j];
      }
    }
  }
  panel.count = panel.columns = 0;
}

template <class T>
void MultiplyTransposed(std::size_t m, std::size_t k, const T* a, std::size_t lda, const SummedRight<T>* right, std::size_t count,
                        T* scratch) {
  const std::size_t width = PanelColumns<T>();
  T* panel = scratch + kSummedRows * (kStripColumns + kPanelRoom);
  for (std::size_t row = 0; row < m; row += kSummedRows) {
    for (std::size_t column = 0; column < k; column += kStripColumns) {
      LeftBlock<T> left{HWY_MIN(kSummedRows, m - row), HWY_MIN(kStripColumns, k - column), a + row * lda + column, lda, scratch};
      SharedPanel<T> shared;
      for (std::size_t q = 0; q < count; ++q) {
        SummedRight<T> part = right[q];
        part.b += row * part.ldb;
        part.c += column * part.ldc;
        AddPanels(left, part, panel);
        const std::size_t whole = part.n - part.n % width;
        if (whole == part.n) continue;
        part.b += whole;
        part.c += whole;
        part.n -= whole;
        if (shared.columns + part.n > width) AddShared(left, shared, panel);
        shared.pieces[shared.count++] = part;
        shared.columns += part.n;
      }
      AddShared(left, shared, panel);
    }
  }
}

}  // namespace
}  // namespace tapeloop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
// NOLINTEND(readability-identifier-naming)

#endif
