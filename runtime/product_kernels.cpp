// Includes nothing but Highway, <cstd..> and its own table: see nodes/point_table.cpp.
//
// One micro-kernel holds a tile of the result in registers: kTall rows by two vectors. Every vector of b that is loaded meets
// kTall numbers of a, so loads are no bottleneck and the tile runs at the rate of the multiply-add units.
#include "runtime/product_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/product_kernels.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Names as Highway has them: a tag is d, functions of vectors begin with a capital. NOLINTBEGIN(readability-identifier-naming)
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
constexpr std::size_t kLine = 64;        // bytes of a line of cache

template <class T>
HWY_INLINE std::size_t PanelColumns() {
  return kWide * hn::Lanes(Tag<T>());
}

// Where the numbers of a tile lie: a[i * lda + p * step], b[p * ldb], from[i * ldf], c[i * ldc].
template <class T>
struct Tile {
  const T* a;
  std::size_t lda;
  std::size_t step;
  const T* b;
  std::size_t ldb;
  T* c;
  std::size_t ldc;
  const T* from = nullptr;
  std::size_t ldf = 0;
  T* kept_a = nullptr;  // [p][i]
  T* kept_b = nullptr;  // [p][j]
};

enum class Into { kSet, kChain, kSum };  // c = a b; from is the chain's first number; c += a b

// What of a (its lda is 1 then) and b is also copied in the order in which it is read: multiply-adds hide what that costs.
enum class Keep { kNothing, kLeft, kRight, kBoth };
constexpr bool KeepsLeft(Keep keep) { return keep == Keep::kLeft || keep == Keep::kBoth; }
constexpr bool KeepsRight(Keep keep) { return keep == Keep::kRight || keep == Keep::kBoth; }
constexpr std::size_t kAhead = 24;  // rows of a strided a that are on their way

template <Into kInto, std::size_t kRows, std::size_t kVectors, Keep kKeep = Keep::kNothing, class T>
HWY_INLINE void Micro(std::size_t k, const Tile<T>& tile) {
  constexpr Tag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<Tag<T>> sum[kRows][kVectors];
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::size_t v = 0; v < kVectors; ++v) {
      sum[i][v] = kInto == Into::kChain ? hn::LoadU(d, tile.from + i * tile.ldf + v * lanes) : hn::Zero(d);
    }
  }
  if (kInto != Into::kChain) {  // the lines of the result are on their way while the sums run
    for (std::size_t i = 0; i < kRows; ++i) {
      for (std::size_t v = 0; v < kVectors; ++v) __builtin_prefetch(tile.c + i * tile.ldc + v * lanes, 1, 3);
    }
  }
  const T* HWY_RESTRICT a = tile.a;
  const T* HWY_RESTRICT b = tile.b;
  for (std::size_t p = 0; p < k; ++p, a += tile.step, b += tile.ldb) {
    hn::Vec<Tag<T>> right[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) right[v] = hn::LoadU(d, b + v * lanes);
    if constexpr (KeepsRight(kKeep)) {
      for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(right[v], d, tile.kept_b + (p * kVectors + v) * lanes);
    }
    if constexpr (KeepsLeft(kKeep)) {
      hwy::Prefetch(tile.a + HWY_MIN(p + kAhead, k - 1) * tile.step);
      for (std::size_t i = 0; i < kRows; ++i) tile.kept_a[p * kRows + i] = a[i];
    }
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
  const T* first = kInto == Into::kChain ? tile.from : tile.c;
  const std::size_t ld = kInto == Into::kChain ? tile.ldf : tile.ldc;
  for (std::size_t i = 0; i < kRows; ++i) {
    for (std::size_t j = 0; j < width; ++j) copy[i * width + j] = kInto != Into::kSet && j < columns ? first[i * ld + j] : T(0);
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
std::size_t OneRow(std::size_t k, std::size_t n, const T* a, const T* packed, const T* from, T* c) {
  constexpr Tag<T> d;
  constexpr std::size_t kPanels = 4;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t width = PanelColumns<T>();
  std::size_t done = 0;
  for (; done + kPanels * width <= n; done += kPanels * width) {
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
HWY_INLINE void Fetch(std::size_t k, const T* row) {
  for (std::size_t p = 0; p < k; p += kLine / sizeof(T)) hwy::Prefetch(row + p);
}

template <class T>
void MultiplyPacked(std::size_t m, std::size_t k, std::size_t n, const T* a, std::size_t lda, const T* packed, const T* from,
                    std::size_t ldf, T* c, std::size_t ldc) {
  const std::size_t width = PanelColumns<T>();
  const std::size_t done = m == 1 ? OneRow(k, n, a, packed, from, c) : 0;
  for (std::size_t row = 0; row < m; row += kBlockRows) {
    const std::size_t rows = HWY_MIN(kBlockRows, m - row);
    const std::size_t after = HWY_MIN(kBlockRows, m - row - rows);  // rows of the next block: on their way while this one is used
    std::size_t fetched = 0;
    for (std::size_t j = done; j < n; j += width) {
      const std::size_t fetch = HWY_MIN(after, after * (j + width) / n);
      for (; fetched < fetch; ++fetched) Fetch(k, a + (row + rows + fetched) * lda);
      Tile<T> tile{a + row * lda, lda, 1, packed + j * k, width, c + row * ldc + j, ldc};
      if (from) {
        tile.from = from + row * ldf + j;
        tile.ldf = ldf;
        if (j + width < n && ldf > 0) {
          for (std::size_t i = 0; i < rows; ++i) Fetch(HWY_MIN(width, n - j - width), tile.from + width + i * ldf);
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

// Some rows at a time, so that reads go along a few rows and writes go along a strip.
constexpr std::size_t kPackedRows = 8;

// m rows of x, cut into strips: [strip][m][kColumns vectors or numbers], zeros past the last column.
template <class T, class Copy>
HWY_INLINE void PackStrips(std::size_t m, std::size_t n, const T* x, std::size_t ld, std::size_t columns, T* out, const Copy& copy) {
  for (std::size_t row = 0; row < m; row += kPackedRows) {
    const std::size_t rows = HWY_MIN(kPackedRows, m - row);
    const T* from = x + row * ld;
    T* strip = out + row * columns;
    std::size_t j = 0;
    for (; j + columns <= n; j += columns, strip += m * columns) {
      for (std::size_t i = 0; i < rows; ++i) copy(from + i * ld + j, strip + i * columns);
    }
    for (std::size_t i = 0; i < rows && j < n; ++i) {
      for (std::size_t q = 0; q < columns; ++q) strip[i * columns + q] = j + q < n ? from[i * ld + j + q] : T(0);
    }
  }
}

template <class T>
HWY_NOINLINE void PackLeft(std::size_t m, std::size_t k, const T* a, std::size_t lda, T* out) {
  PackStrips(m, k, a, lda, kTall, out, [](const T* HWY_RESTRICT from, T* HWY_RESTRICT to) {
    for (std::size_t q = 0; q < kTall; ++q) to[q] = from[q];
  });
}

template <class T>
HWY_NOINLINE void PackRight(std::size_t m, std::size_t n, const T* b, std::size_t ldb, T* out) {
  constexpr Tag<T> d;
  PackStrips(m, n, b, ldb, PanelColumns<T>(), out, [d](const T* HWY_RESTRICT from, T* HWY_RESTRICT to) {
    for (std::size_t v = 0; v < kWide; ++v) hn::StoreU(hn::LoadU(d, from + v * hn::Lanes(d)), d, to + v * hn::Lanes(d));
  });
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

// One strip of the result's rows, which are columns of a, from where it is kept.
template <class T>
HWY_INLINE void StripOfColumns(std::size_t m, std::size_t rows, Tile<T> tile, std::size_t columns) {
  if (rows >= kTall) return Columns<Into::kSum, kTall>(m, tile, columns);
  for (std::size_t i = 0; i < rows; ++i, ++tile.a, tile.c += tile.ldc) Columns<Into::kSum, 1>(m, tile, columns);
}

// c += a^T b for one block of a's columns. Whole strips and panels are packed while they are used for the first time, what is at the
// ends beforehand. The lines of the next panel are on their way meanwhile.
template <class T>
void AddPanels(LeftBlock<T>& left, const SummedRight<T>& right, T* scratch) {
  const std::size_t width = PanelColumns<T>();
  for (std::size_t j = 0; j < right.n; j += width) {
    const std::size_t columns = HWY_MIN(width, right.n - j);
    const std::size_t whole = columns < width ? 0 : left.columns - left.columns % kTall;
    if (whole == 0) PackRight(left.rows, columns, right.b + j, right.ldb, scratch);
    if (!left.kept) PackLeft(left.rows, left.columns - whole, left.a + whole, left.lda, left.strips + whole * left.rows);
    const std::size_t ahead = j + width < right.n ? left.rows : 0;
    std::size_t fetched = 0;
    for (std::size_t i = 0; i < left.columns; i += kTall) {
      for (const std::size_t fetch = ahead * (i + kTall) / left.columns; fetched < HWY_MIN(fetch, ahead); ++fetched) {
        Fetch(width, right.b + j + width + fetched * right.ldb);
      }
      const Tile<T> tile{left.strips + i * left.rows, 1, kTall, scratch, width, right.c + i * right.ldc + j, right.ldc};
      if (i < whole) {
        WholeStrip(left, i, tile, right.b + j, right.ldb);
      } else {
        StripOfColumns(left.rows, left.columns - i, tile, columns);
      }
    }
    left.kept = true;
  }
}

template <class T>
void MultiplyTransposed(std::size_t m, std::size_t k, const T* a, std::size_t lda, const SummedRight<T>* right, std::size_t count,
                        T* scratch) {
  T* panel = scratch + kSummedRows * (kStripColumns + kPanelRoom);
  for (std::size_t row = 0; row < m; row += kSummedRows) {
    for (std::size_t column = 0; column < k; column += kStripColumns) {
      LeftBlock<T> left{HWY_MIN(kSummedRows, m - row), HWY_MIN(kStripColumns, k - column), a + row * lda + column, lda, scratch};
      for (std::size_t q = 0; q < count; ++q) {
        SummedRight<T> part = right[q];
        part.b += row * part.ldb;
        part.c += column * part.ldc;
        AddPanels(left, part, panel);
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
