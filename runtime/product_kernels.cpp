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
HWY_INLINE void Fetch(std::size_t k, const T* row) {
  for (std::size_t p = 0; p < k; p += kLine / sizeof(T)) hwy::Prefetch(row + p);
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
