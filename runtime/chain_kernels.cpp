// Includes nothing but Highway, <cstd..> and its own table: see nodes/point_table.cpp. Built without contraction to multiply-adds.
#include "runtime/chain_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/chain_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Names as Highway has them: a tag is d, functions of vectors begin with a capital. NOLINTBEGIN(readability-identifier-naming)
HWY_BEFORE_NAMESPACE();
namespace tapeloop::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int kNoLink = -1;
constexpr std::size_t kLongRow = 8;  // vectors

template <int kForm, class V>
HWY_INLINE V Linked(V y, V c) {
  if constexpr (kForm == 0) return hn::Mul(y, c);
  if constexpr (kForm == 1) return hn::Add(y, c);
  if constexpr (kForm == 2) return hn::Sub(y, c);
  return hn::Sub(c, y);
}

template <int kForm, class T>
HWY_INLINE T LinkedNumber(T y, T c) {
  if constexpr (kForm == 0) return y * c;
  if constexpr (kForm == 1) return y + c;
  if constexpr (kForm == 2) return y - c;
  return c - y;
}

// Link `kLink` of a step: kVectors vectors from number i on.
template <int kForm, std::size_t kLink, std::size_t kVectors, class D, class T, class V>
HWY_INLINE void Link(const ChainCall<T>& call, std::int64_t t, std::int64_t i, V* y) {
  constexpr D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const ChainKnown<T>& known = call.known[kLink];
  const T* c = known.data + t * known.step;
  if (known.each) {
    for (std::size_t v = 0; v < kVectors; ++v) y[v] = Linked<kForm>(y[v], hn::LoadU(d, c + i + static_cast<std::int64_t>(v) * lanes));
  } else {
    const V one = hn::Set(d, *c);
    for (std::size_t v = 0; v < kVectors; ++v) y[v] = Linked<kForm>(y[v], one);
  }
  if (T* out = call.out[kLink]) {
    out += t * call.out_step[kLink] + i;
    for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(y[v], d, out + static_cast<std::int64_t>(v) * lanes);
  }
}

template <int kFirst, int kSecond, std::size_t kVectors, class D, class T>
HWY_INLINE void Vectors(const ChainCall<T>& call, std::int64_t i) {
  constexpr D d;
  hn::Vec<D> y[kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) y[v] = hn::LoadU(d, call.before + i + static_cast<std::int64_t>(v * hn::Lanes(d)));
  for (std::int64_t t = 0; t < call.steps; ++t) {
    Link<kFirst, 0, kVectors, D, T>(call, t, i, y);
    if constexpr (kSecond != kNoLink) Link<kSecond, 1, kVectors, D, T>(call, t, i, y);
  }
}

// REQUIRES: n is not less than a vector. The last one overlaps those before it, and finds what they have found.
template <int kFirst, int kSecond, class D, class T>
HWY_NOINLINE void AllVectors(const ChainCall<T>& call) {
  constexpr std::int64_t kTogether = 4;  // vectors: as many as hide the latency of a multiplication and an addition
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  std::int64_t i = 0;
  for (; i + kTogether * lanes <= call.n; i += kTogether * lanes) Vectors<kFirst, kSecond, kTogether, D>(call, i);
  for (; i + 2 * lanes <= call.n; i += 2 * lanes) Vectors<kFirst, kSecond, 2, D>(call, i);
  for (; i + lanes <= call.n; i += lanes) Vectors<kFirst, kSecond, 1, D>(call, i);
  if (i < call.n) Vectors<kFirst, kSecond, 1, D>(call, call.n - lanes);
}

template <int kForm, std::size_t kLink, class T>
HWY_INLINE T NumberLink(const ChainCall<T>& call, std::int64_t t, std::int64_t i, T y) {
  const ChainKnown<T>& known = call.known[kLink];
  y = LinkedNumber<kForm>(y, known.data[t * known.step + (known.each ? i : 0)]);
  if (call.out[kLink]) call.out[kLink][t * call.out_step[kLink] + i] = y;
  return y;
}

template <int kFirst, int kSecond, class T>
HWY_NOINLINE void Numbers(const ChainCall<T>& call) {
  for (std::int64_t i = 0; i < call.n; ++i) {
    T y = call.before[i];
    for (std::int64_t t = 0; t < call.steps; ++t) {
      y = NumberLink<kFirst, 0>(call, t, i, y);
      if constexpr (kSecond != kNoLink) y = NumberLink<kSecond, 1>(call, t, i, y);
    }
  }
}

template <int kFirst, int kSecond, class T>
void Run(const ChainCall<T>& call);

// Long rows: one step after the other, so that memory is read as it lies; there are vectors enough to hide all latency.
template <int kFirst, int kSecond, class T>
HWY_NOINLINE void StepByStep(const ChainCall<T>& call) {
  constexpr std::size_t kLast = kSecond == kNoLink ? 0 : 1;
  ChainCall<T> step = call;
  step.steps = 1;
  for (std::int64_t t = 0; t < call.steps; ++t) {
    Run<kFirst, kSecond>(step);
    step.before = step.out[kLast];
    for (std::size_t k = 0; k <= kLast; ++k) {
      step.known[k].data += step.known[k].step;
      if (step.out[k]) step.out[k] += step.out_step[k];
    }
  }
}

// By the widest vectors that are filled.
template <int kFirst, int kSecond, class T>
void Run(const ChainCall<T>& call) {
  using Wide = hn::ScalableTag<T>;
  using Half = hn::CappedTag<T, 8>;
  using Quarter = hn::CappedTag<T, 4>;
  const auto n = static_cast<std::size_t>(call.n);
  if (n >= kLongRow * hn::Lanes(Wide()) && call.steps > 1) return StepByStep<kFirst, kSecond>(call);
  if (n >= hn::Lanes(Wide())) return AllVectors<kFirst, kSecond, Wide>(call);
  if (n >= hn::Lanes(Half())) return AllVectors<kFirst, kSecond, Half>(call);
  if (n >= hn::Lanes(Quarter())) return AllVectors<kFirst, kSecond, Quarter>(call);
  Numbers<kFirst, kSecond>(call);
}

template <int kFirst, class T>
void RunSecond(const ChainCall<T>& call) {
  if (call.links == 1) return Run<kFirst, kNoLink>(call);
  switch (call.forms[1]) {
    case 0:
      return Run<kFirst, 0>(call);
    case 1:
      return Run<kFirst, 1>(call);
    case 2:
      return Run<kFirst, 2>(call);
    default:
      return Run<kFirst, 3>(call);
  }
}

template <class T>
void RunFirst(const ChainCall<T>& call) {
  switch (call.forms[0]) {
    case 0:
      return RunSecond<0>(call);
    case 1:
      return RunSecond<1>(call);
    case 2:
      return RunSecond<2>(call);
    default:
      return RunSecond<3>(call);
  }
}

}  // namespace

void RunFloat(const ChainCall<float>& call) { RunFirst(call); }
void RunDouble(const ChainCall<double>& call) { RunFirst(call); }

}  // namespace tapeloop::HWY_NAMESPACE

HWY_AFTER_NAMESPACE();
// NOLINTEND(readability-identifier-naming)

#if HWY_ONCE
namespace tapeloop {

HWY_EXPORT(RunFloat);
HWY_EXPORT(RunDouble);

void run_chain(const ChainCall<float>& call) { HWY_DYNAMIC_DISPATCH(RunFloat)(call); }
void run_chain(const ChainCall<double>& call) { HWY_DYNAMIC_DISPATCH(RunDouble)(call); }

}  // namespace tapeloop
#endif
