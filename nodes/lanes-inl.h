// The functions that bodies of point kinds may use, for Highway's vectors; scalar_math.h has the same for plain numbers.
// Read once for every instruction set, within Highway's unit: includes nothing but Highway and <cstd..>.
//
// Error bounds, in units in the last place of the true value (below the smallest normal number: of that one), the same in float and
// in double, on every instruction set with or without fused multiply-add, for all numbers from -inf to inf; NaN gives NaN:
//
//   exp, log                             1.5     largest found: 1.02 and 1.00
//   tanh                                 3       2.82 (float 2.45)
//   sigmoid                              3       2.35 (float 2.11)
//   softplus, log_sigmoid                3       2.68
//   + - * / sqrt                         0.5     rounded once
//
// tests/nodes/error_bounds_test.cpp holds them against long double: all exponents, dense around 0 and where a formula changes. Where
// a worker flushes denormal numbers to zero, results below the smallest normal number are zero.
#if defined(TAPELOOP_LANES_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPELOOP_LANES_INL_H
#undef TAPELOOP_LANES_INL_H
#else
#define TAPELOOP_LANES_INL_H
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstddef>
#include <limits>

// Names as Highway has them: a tag is d, functions of vectors begin with a capital. NOLINTBEGIN(readability-identifier-naming)
HWY_BEFORE_NAMESPACE();
namespace tapeloop::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A vector of floats or doubles with operators. (A template on the number, not on Highway's tag: a tag would bring Highway's
// own functions into every call by argument-dependent lookup.)
template <class T>
struct Lanes {
  using Tag = hn::ScalableTag<T>;
  using Vector = hn::Vec<Tag>;
  using Number = T;

  HWY_INLINE Lanes() = default;
  HWY_INLINE explicit Lanes(double number) : raw(hn::Set(Tag(), static_cast<T>(number))) {}
  HWY_INLINE explicit Lanes(Vector vector) : raw(vector) {}

  Vector raw;
};

template <class T>
struct Truth {
  hn::Mask<hn::ScalableTag<T>> raw;
};

template <class T>
HWY_INLINE Lanes<T> operator+(const Lanes<T>& a, const Lanes<T>& b) {
  return Lanes<T>(hn::Add(a.raw, b.raw));
}
template <class T>
HWY_INLINE Lanes<T> operator-(const Lanes<T>& a, const Lanes<T>& b) {
  return Lanes<T>(hn::Sub(a.raw, b.raw));
}
template <class T>
HWY_INLINE Lanes<T> operator*(const Lanes<T>& a, const Lanes<T>& b) {
  return Lanes<T>(hn::Mul(a.raw, b.raw));
}
template <class T>
HWY_INLINE Lanes<T> operator/(const Lanes<T>& a, const Lanes<T>& b) {
  return Lanes<T>(hn::Div(a.raw, b.raw));
}
template <class T>
HWY_INLINE Lanes<T> operator-(const Lanes<T>& a) {
  return Lanes<T>(hn::Neg(a.raw));
}

template <class T>
HWY_INLINE Truth<T> Less(const Lanes<T>& a, const Lanes<T>& b) {
  return {hn::Lt(a.raw, b.raw)};
}
template <class T>
HWY_INLINE Truth<T> LessEqual(const Lanes<T>& a, const Lanes<T>& b) {
  return {hn::Le(a.raw, b.raw)};
}
template <class T>
HWY_INLINE Truth<T> Equal(const Lanes<T>& a, const Lanes<T>& b) {
  return {hn::Eq(a.raw, b.raw)};
}
template <class T>
HWY_INLINE Lanes<T> Select(const Truth<T>& condition, const Lanes<T>& yes, const Lanes<T>& no) {
  return Lanes<T>(hn::IfThenElse(condition.raw, yes.raw, no.raw));
}

template <class T>
HWY_INLINE Lanes<T> Abs(const Lanes<T>& x) {
  return Lanes<T>(hn::Abs(x.raw));
}
template <class T>
HWY_INLINE Lanes<T> Floor(const Lanes<T>& x) {
  return Lanes<T>(hn::Floor(x.raw));
}
template <class T>
HWY_INLINE Lanes<T> Sqrt(const Lanes<T>& x) {
  return Lanes<T>(hn::Sqrt(x.raw));
}

// Highway's exp is good between -104 (float; -1000 in double) and 104 (706), and gives 0 for NaN.
template <class T>
HWY_INLINE Lanes<T> Exp(const Lanes<T>& x) {
  const Lanes<T> highest(sizeof(T) == 4 ? 100.0 : 715.0);  // infinite already
  const Lanes<T> y(hn::Exp(typename Lanes<T>::Tag(), Select(Less(highest, x), highest, x).raw));
  return Select(Equal(x, x), y, x);
}

// x = n log 2 + r in floats: n, and e^r - 1. Where x is NaN, so is that. The polynomial is the one of Highway's exp.
struct Reduced {
  using Tag = hn::ScalableTag<float>;
  using Whole = hn::Vec<hn::Rebind<int32_t, Tag>>;

  HWY_INLINE explicit Reduced(hn::Vec<Tag> x) {
    constexpr Tag d;
    n = hn::NearestInt(hn::Mul(x, hn::Set(d, 1.44269504F)));
    const auto whole = hn::ConvertTo(d, n);
    const auto high = hn::MulAdd(whole, hn::Set(d, -0.693145751953125F), x);
    const auto r = hn::MulAdd(whole, hn::Set(d, -1.42860677e-6F), high);
    rest = hn::impl::ExpImpl<float>().ExpPoly(d, r);
  }
  // 2^(n + more), a normal number.
  HWY_INLINE hn::Vec<Tag> Power(int more) const {
    const hn::Rebind<int32_t, Tag> d;
    return hn::BitCast(Tag(), hn::ShiftLeft<23>(hn::Add(n, hn::Set(d, 127 + more))));
  }

  Whole n;
  hn::Vec<Tag> rest;
};

// e^x. REQUIRES: x <= 0 (or NaN): nothing can be infinite, which makes it cheaper than Exp.
template <class T>
HWY_INLINE Lanes<T> ExpDown(const Lanes<T>& x) {
  if constexpr (sizeof(T) == 8) {
    return Exp(x);
  } else {
    constexpr hn::ScalableTag<float> d;
    constexpr int kMore = 40;  // so that the power of two is normal where the result is not
    const Reduced reduced(x.raw);
    const auto y = hn::Mul(hn::Add(reduced.rest, hn::Set(d, 1.0F)), reduced.Power(kMore));
    const Lanes<T> down(hn::Mul(y, hn::Set(d, 1.0F / (std::size_t{1} << kMore))));
    return Select(Less(x, Lanes<T>(-104.0)), Lanes<T>(0.0), down);
  }
}

// Highway's log is good for positive finite numbers.
template <class T>
HWY_INLINE Lanes<T> Log(const Lanes<T>& x) {
  const Lanes<T> infinity(hn::Set(typename Lanes<T>::Tag(), std::numeric_limits<T>::infinity()));
  const Lanes<T> none(hn::Set(typename Lanes<T>::Tag(), std::numeric_limits<T>::quiet_NaN()));
  const Lanes<T> y(hn::Log(typename Lanes<T>::Tag(), x.raw));
  const Lanes<T> finite = Select(Less(x, infinity), y, x);  // infinity and NaN are their own
  return Select(Equal(x, Lanes<T>(0.0)), -infinity, Select(Less(x, Lanes<T>(0.0)), none, finite));
}

// log(1 + x). REQUIRES: -1 < x, finite.
template <class T>
HWY_INLINE Lanes<T> Log1p(const Lanes<T>& x) {
  return Lanes<T>(hn::Log1p(typename Lanes<T>::Tag(), x.raw));
}

// (1 - e) / (1 + e) where e = e^(-2 |x|), by e - 1, which keeps all digits of small x.
template <class T>
HWY_INLINE Lanes<T> Tanh(const Lanes<T>& x) {
  if constexpr (sizeof(T) == 8) {
    return Select(Equal(x, x), Lanes<T>(hn::Tanh(typename Lanes<T>::Tag(), x.raw)), x);
  } else {
    constexpr hn::ScalableTag<float> d;
    const Lanes<T> size = Abs(x);
    const Lanes<T> one(9.1);  // from here on
    const Reduced reduced(hn::Mul(Select(Less(one, size), one, size).raw, hn::Set(d, -2.0F)));
    const auto power = reduced.Power(0);
    const auto e = hn::MulAdd(power, reduced.rest, hn::Sub(power, hn::Set(d, 1.0F)));
    return Lanes<T>(hn::CopySign(hn::Div(e, hn::Add(e, hn::Set(d, 2.0F))), x.raw));
  }
}

// f(x, n), number by number in double: for what is rare and must be exact.
template <class T>
HWY_INLINE Lanes<T> OneByOne(const Lanes<T>& x, const Lanes<T>& n, double (*f)(double, double)) {
  constexpr typename Lanes<T>::Tag d;
  HWY_ALIGN T a[hn::MaxLanes(d)];
  HWY_ALIGN T b[hn::MaxLanes(d)];
  hn::Store(x.raw, d, a);
  hn::Store(n.raw, d, b);
  for (std::size_t k = 0; k < hn::Lanes(d); ++k) a[k] = static_cast<T>(f(a[k], b[k]));
  return Lanes<T>(hn::Load(d, a));
}

template <class T>
HWY_INLINE Lanes<T> Power(const Lanes<T>& x, const Lanes<T>& n) {
  const Truth<T> square = Equal(n, Lanes<T>(2.0));
  const Lanes<T> squared = x * x;
  if (hn::AllTrue(typename Lanes<T>::Tag(), square.raw)) return squared;
  return Select(square, squared, OneByOne(x, n, &::pow));
}

// Remainder with the sign of the divisor.
template <class T>
HWY_INLINE Lanes<T> Mod(const Lanes<T>& x, const Lanes<T>& n) {
  const Lanes<T> rest = OneByOne(x, n, &::fmod);
  const Lanes<T> zero(0.0);
  const Lanes<T> sign = Select(Less(n, zero), Lanes<T>(-1.0), Lanes<T>(1.0));
  return Select(Less(rest * sign, zero), rest + n, rest);
}

}  // namespace tapeloop::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
// NOLINTEND(readability-identifier-naming)

#endif
