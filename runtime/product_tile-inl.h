// One micro-kernel holds a tile of the result in registers: kTall rows by two vectors. Every vector of b that is loaded meets
// kTall numbers of a, so loads are no bottleneck and the tile runs at the rate of the multiply-add units.
// Read once for every instruction set, within Highway's unit: see product_kernels.cpp.
#if defined(TAPELOOP_PRODUCT_TILE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPELOOP_PRODUCT_TILE_INL_H
#undef TAPELOOP_PRODUCT_TILE_INL_H
#else
#define TAPELOOP_PRODUCT_TILE_INL_H
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstddef>

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
constexpr std::size_t kLine = 64;  // bytes of a line of cache

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

template <class T>
HWY_INLINE void Fetch(std::size_t k, const T* row) {
  for (std::size_t p = 0; p < k; p += kLine / sizeof(T)) hwy::Prefetch(row + p);
}

}  // namespace
}  // namespace tapeloop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
// NOLINTEND(readability-identifier-naming)

#endif
