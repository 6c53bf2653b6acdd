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

HWY_BEFORE_NAMESPACE();

#include "nodes/point_bodies.inc"

namespace tapeloop::HWY_NAMESPACE {
namespace {

// Whole vectors at the tail too, through the stack, so that the bits of an element do not depend on where it stands.
template <class Point, class T>
HWY_NOINLINE void RunTail(const Lanes<T>* fixed, const T* const* in, const std::uint8_t* step, T* out, std::size_t n) {
  constexpr typename Lanes<T>::Tag d;
  HWY_ALIGN T buffer[hn::MaxLanes(d)];
  Lanes<T> x[Point::arity];
  for (int k = 0; k < Point::arity; ++k) {
    x[k] = fixed[k];
    if (!step[k]) continue;
    for (std::size_t i = 0; i < hn::Lanes(d); ++i) buffer[i] = in[k][i < n ? i : 0];
    x[k] = Lanes<T>(hn::Load(d, buffer));
  }
  hn::Store(Point::run(x).raw, d, buffer);
  for (std::size_t i = 0; i < n; ++i) out[i] = buffer[i];
}

template <class Point, class T>
void Run(const T* const* in, const std::uint8_t* step, T* out, std::size_t n) {
  if (n == 0) return;
  constexpr typename Lanes<T>::Tag d;
  Lanes<T> x[Point::arity];
  const T* at[Point::arity];
  for (int k = 0; k < Point::arity; ++k) {
    x[k] = Lanes<T>(hn::Set(d, in[k][0]));
    at[k] = in[k];
  }
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    for (int k = 0; k < Point::arity; ++k) {
      if (!step[k]) continue;
      x[k] = Lanes<T>(hn::LoadU(d, at[k]));
      at[k] += hn::Lanes(d);
    }
    hn::StoreU(Point::run(x).raw, d, out + i);
  }
  if (i < n) RunTail<Point, T>(x, at, step, out + i, n - i);
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
