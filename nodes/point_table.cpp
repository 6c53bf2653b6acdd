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

template <class T>
using Vector = typename Lanes<T>::Vector;

template <class T>
struct Block {
  Vector<T> v0, v1, v2, v3;
};
constexpr std::size_t kVectors = 4;  // of a block

// Bodies as they know each other: y is the result of the op before, h the one that is held; a block, or a vector of n numbers. All
// arguments are in the processor's registers, and the call at the end of a body is a jump.
template <class T>
using BlockBody = void (*)(const PointCode* code, T* const* at, Vector<T> y0, Vector<T> y1, Vector<T> y2, Vector<T> y3, Vector<T> h0,
                           Vector<T> h1, Vector<T> h2, Vector<T> h3);
template <class T>
using RestBody = void (*)(const PointCode* code, T* const* at, std::size_t n, Vector<T> y, Vector<T> h);

// x = operand k; at first x is the result of the op before. (No loops and no arrays over what stays in the processor's registers: the
// compiler would put it on the stack.)
template <int k, class Point, class T>
HWY_INLINE void Fetch(const PointCode* code, T* const* at, const Block<T>& held, Block<T>& x) {
  if (k >= Point::arity) return;
  constexpr typename Lanes<T>::Tag d;
  if (code->source[k] == PointSource::kRow) {
    const T* from = at[code->in[k]];
    x.v0 = hn::LoadU(d, from);
    x.v1 = hn::LoadU(d, from + hn::Lanes(d));
    x.v2 = hn::LoadU(d, from + 2 * hn::Lanes(d));
    x.v3 = hn::LoadU(d, from + 3 * hn::Lanes(d));
  } else if (code->source[k] == PointSource::kHeld) {
    x.v0 = held.v0;
    x.v1 = held.v1;
    x.v2 = held.v2;
    x.v3 = held.v3;
  } else if (code->source[k] == PointSource::kNumber) {
    x.v0 = x.v1 = x.v2 = x.v3 = hn::Set(d, *at[code->in[k]]);
  }
}

template <class Point, class T>
HWY_INLINE Vector<T> Do(const Vector<T>& x0, const Vector<T>& x1, const Vector<T>& x2) {
  const Lanes<T> x[kMostPointInputs] = {Lanes<T>(x0), Lanes<T>(x1), Lanes<T>(x2)};
  return Point::run(x).raw;
}

template <class Point, class T>
void DoBlock(const PointCode* code, T* const* at, Vector<T> y0, Vector<T> y1, Vector<T> y2, Vector<T> y3, Vector<T> h0, Vector<T> h1,
             Vector<T> h2, Vector<T> h3) {
  constexpr typename Lanes<T>::Tag d;
  const Block<T> held = {h0, h1, h2, h3};
  Block<T> a = {y0, y1, y2, y3};
  Block<T> b = a;
  Block<T> c = a;
  Fetch<0, Point, T>(code, at, held, a);
  Fetch<1, Point, T>(code, at, held, b);
  Fetch<2, Point, T>(code, at, held, c);
  y0 = Do<Point, T>(a.v0, b.v0, c.v0);
  y1 = Do<Point, T>(a.v1, b.v1, c.v1);
  y2 = Do<Point, T>(a.v2, b.v2, c.v2);
  y3 = Do<Point, T>(a.v3, b.v3, c.v3);
  if (code->keep) {
    T* to = at[code->out];
    hn::StoreU(y0, d, to);
    hn::StoreU(y1, d, to + hn::Lanes(d));
    hn::StoreU(y2, d, to + 2 * hn::Lanes(d));
    hn::StoreU(y3, d, to + 3 * hn::Lanes(d));
  }
  if (code->hold) {
    h0 = y0;
    h1 = y1;
    h2 = y2;
    h3 = y3;
  }
  ++code;
  if (code->block) reinterpret_cast<BlockBody<T>>(code->block)(code, at, y0, y1, y2, y3, h0, h1, h2, h3);
}

template <int k, class Point, class T>
HWY_INLINE Vector<T> RestOperand(const PointCode* code, T* const* at, std::size_t n, const Vector<T>& last, const Vector<T>& held) {
  if (k >= Point::arity || code->source[k] == PointSource::kLast) return last;
  if (code->source[k] == PointSource::kHeld) return held;
  const T* from = at[code->in[k]];
  return code->source[k] == PointSource::kRow ? LoadTail(from, n).raw : hn::Set(typename Lanes<T>::Tag(), *from);
}

template <class Point, class T>
void DoRest(const PointCode* code, T* const* at, std::size_t n, Vector<T> y, Vector<T> h) {
  y = Do<Point, T>(RestOperand<0, Point, T>(code, at, n, y, h), RestOperand<1, Point, T>(code, at, n, y, h),
                   RestOperand<2, Point, T>(code, at, n, y, h));
  if (code->keep) StoreTail(Lanes<T>(y), at[code->out], n);
  if (code->hold) h = y;
  ++code;
  if (code->rest) reinterpret_cast<RestBody<T>>(code->rest)(code, at, n, y, h);
}

// at[k]: where register k stands, which goes along a row or stays.
template <class T>
void RunCode(const PointCode* code, const PointRegister<T>* registers, std::size_t count, T* blocks, std::size_t rows, std::size_t n) {
  using Place = typename PointRegister<T>::Place;
  constexpr typename Lanes<T>::Tag d;
  static_assert(kVectors * hn::MaxLanes(d) * sizeof(T) <= kPointBlockBytes);
  const std::size_t lanes = hn::Lanes(d);
  T* begin[kMostPointRegisters];  // of the row
  T* at[kMostPointRegisters];
  std::ptrdiff_t stride[kMostPointRegisters];
  std::ptrdiff_t moves[kMostPointRegisters];  // all ones or 0
  for (std::size_t k = 0; k < count; ++k) {
    const PointRegister<T>& from = registers[k];
    begin[k] = from.place == Place::kBlock ? blocks + k * (kPointBlockBytes / sizeof(T)) : from.data;
    stride[k] = from.place == Place::kBlock ? 0 : from.stride;
    moves[k] = from.place == Place::kRow ? -1 : 0;
  }
  const auto advance = [&](std::size_t by) HWY_ATTR {
    for (std::size_t k = 0; k < count; ++k) at[k] += moves[k] & static_cast<std::ptrdiff_t>(by);
  };
  const Vector<T> none = hn::Zero(d);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t k = 0; k < count; ++k) {
      at[k] = begin[k];
      begin[k] += stride[k];
    }
    std::size_t left = n;
    while (left >= kVectors * lanes) {
      reinterpret_cast<BlockBody<T>>(code->block)(code, at, none, none, none, none, none, none, none, none);
      left -= kVectors * lanes;
      if (left > 0) advance(kVectors * lanes);
    }
    while (left > 0) {
      const std::size_t some = left < lanes ? left : lanes;
      reinterpret_cast<RestBody<T>>(code->rest)(code, at, some, none, none);
      left -= some;
      if (left > 0) advance(some);
    }
  }
}

template <class Point, class T>
PointBodies<T> BodiesOf() {
  return {reinterpret_cast<PointBody>(&DoBlock<Point, T>), reinterpret_cast<PointBody>(&DoRest<Point, T>), &RunCode<T>};
}

}  // namespace

const PointEntry* Table() {
#define TAPELOOP_LISTED(name, arity) {#name, BodiesOf<name##_point, float>(), BodiesOf<name##_point, double>()},
  static const PointEntry table[] = {
#include "nodes/point_list.inc"
      {nullptr, {}, {}}};
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
