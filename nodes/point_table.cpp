// The bodies of all point kinds, compiled for every instruction set that Highway knows here; the best one that this processor
// has is chosen at run time, with no -march. Includes nothing but Highway, <cstd..> and the bodies: a weak function of another
// header, compiled here for AVX-512, could be the copy that the linker keeps for everybody (a test looks for such symbols).
#include "nodes/point_table.h"

#define TAPELOOP_BODIES
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "nodes/point_table.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "nodes/kind_file.h"
#include "nodes/lanes-inl.h"

// Names as Highway has them: a tag is d, functions of vectors begin with a capital. NOLINTBEGIN(readability-identifier-naming)
HWY_BEFORE_NAMESPACE();

#include "nodes/point_bodies.inc"

namespace tapeloop::HWY_NAMESPACE {
namespace {

// The last n elements of a row. Whole vectors here too, so that the bits of an element do not depend on where it stands.
#undef TAPELOOP_MASKED_TAIL  // of the target before this one: others read past the end where they have no masks
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2 && !HWY_IS_MSAN
#define TAPELOOP_MASKED_TAIL
#endif

template <class T>
HWY_INLINE Lanes<T> LoadTail(const T* from, std::size_t n) {
  constexpr typename Lanes<T>::Tag d;
#ifdef TAPELOOP_MASKED_TAIL
  return Lanes<T>(hn::MaskedLoad(hn::FirstN(d, n), d, from));
#else
  HWY_ALIGN T buffer[hn::MaxLanes(d)];
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) buffer[i] = from[i < n ? i : 0];
  return Lanes<T>(hn::Load(d, buffer));
#endif
}

template <class T>
HWY_INLINE void StoreTail(const Lanes<T>& x, T* to, std::size_t n) {
  constexpr typename Lanes<T>::Tag d;
#ifdef TAPELOOP_MASKED_TAIL
  hn::BlendedStore(x.raw, hn::FirstN(d, n), d, to);
#else
  HWY_ALIGN T buffer[hn::MaxLanes(d)];
  hn::Store(x.raw, d, buffer);
  for (std::size_t i = 0; i < n; ++i) to[i] = buffer[i];
#endif
}

// At most a vector. Bit k of moving: operand k has step 1.
template <class Point, class T>
HWY_NOINLINE void RunTail(unsigned moving, const T* const* in, T* out, std::size_t n) {
  constexpr typename Lanes<T>::Tag d;
  Lanes<T> x[Point::arity];
  for (int k = 0; k < Point::arity; ++k) x[k] = moving >> k & 1 ? LoadTail(in[k], n) : Lanes<T>(hn::Set(d, in[k][0]));
  StoreTail(Point::run(x), out, n);
}

// kMoving: `moving`, known when this is compiled, or kAny.
constexpr unsigned kAny = ~0U;

template <class Point, class T, unsigned kMoving>
HWY_NOINLINE void RunRows(unsigned moving, const T* const* in, const std::int64_t* stride, T* out, std::int64_t out_stride,
                          std::size_t rows, std::size_t n) {
  constexpr typename Lanes<T>::Tag d;
  if constexpr (kMoving != kAny) moving = kMoving;
  const T* at[Point::arity];
  for (int k = 0; k < Point::arity; ++k) at[k] = in[k];
  while (true) {
    Lanes<T> x[Point::arity];
    for (int k = 0; k < Point::arity; ++k) x[k] = Lanes<T>(hn::Set(d, at[k][0]));
    std::size_t i = 0;
    for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
      for (int k = 0; k < Point::arity; ++k) {
        if (moving >> k & 1) x[k] = Lanes<T>(hn::LoadU(d, at[k] + i));
      }
      hn::StoreU(Point::run(x).raw, d, out + i);
    }
    if (i < n) {
      const T* tail[Point::arity];
      for (int k = 0; k < Point::arity; ++k) tail[k] = at[k] + (moving >> k & 1 ? i : 0);
      RunTail<Point, T>(moving, tail, out + i, n - i);
    }
    if (--rows == 0) return;
    for (int k = 0; k < Point::arity; ++k) at[k] += stride[k];
    out += out_stride;
  }
}

template <class Point, class T>
void Run(const T* const* in, const std::uint8_t* step, const std::int64_t* stride, T* out, std::int64_t out_stride, std::size_t rows,
         std::size_t n) {
  if (n == 0 || rows == 0) return;
  unsigned moving = 0;
  for (int k = 0; k < Point::arity; ++k) moving |= static_cast<unsigned>(step[k] != 0) << k;
  if (moving == (1U << Point::arity) - 1) {
    RunRows<Point, T, (1U << Point::arity) - 1>(moving, in, stride, out, out_stride, rows, n);
  } else {
    RunRows<Point, T, kAny>(moving, in, stride, out, out_stride, rows, n);
  }
}

}  // namespace

const PointEntry* Table() {
#define TAPELOOP_LISTED(name, arity) {#name, &Run<name##_point, float>, &Run<name##_point, double>},
  static const PointEntry table[] = {
#include "nodes/point_list.inc"
      {nullptr, nullptr, nullptr}};
#undef TAPELOOP_LISTED
  return table;
}

const char* Target() { return hwy::TargetName(HWY_TARGET); }

}  // namespace tapeloop::HWY_NAMESPACE

HWY_AFTER_NAMESPACE();
// NOLINTEND(readability-identifier-naming)

#if HWY_ONCE
namespace tapeloop {

HWY_EXPORT(Table);
HWY_EXPORT(Target);

const PointEntry* point_table() { return HWY_DYNAMIC_DISPATCH(Table)(); }
const char* point_target() { return HWY_DYNAMIC_DISPATCH(Target)(); }

bool limit_point_target(int nth) {
  hwy::SetSupportedTargetsForTest(0);
  std::int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;  // a bit each, the best one lowest
  for (int k = 0; k < nth; ++k) targets &= targets - 1;
  if (targets == 0) return false;
  if (nth >= 0) hwy::SetSupportedTargetsForTest(targets & -targets);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return true;
}

}  // namespace tapeloop
#endif
