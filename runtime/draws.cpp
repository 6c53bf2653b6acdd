#include "runtime/draws.h"

#include <algorithm>
#include <bit>
#include <cmath>

// One rounding an operation, wherever this is compiled: the promise is about bits.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

namespace tapeloop {
namespace {

constexpr std::int64_t kBlock = 4;  // elements that one counter serves
constexpr std::uint32_t kLowBits = 0x80000000U;

// splitmix64's finaliser: every bit of the result depends on every bit of x.
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

// Elements 4 block .. 4 block + 3: 32 bits each, and 32 more for doubles under a counter of their own.
PhiloxCounter high_bits(PhiloxKey key, const DrawPoint& point, std::int64_t block) {
  return philox({static_cast<std::uint32_t>(block), point.inner, point.outer, point.example}, key);
}
PhiloxCounter low_bits(PhiloxKey key, const DrawPoint& point, std::int64_t block) {
  return philox({static_cast<std::uint32_t>(block) | kLowBits, point.inner, point.outer, point.example}, key);
}

double to_double(std::uint32_t high, std::uint32_t low) { return static_cast<double>((std::uint64_t{high} << 21) | (low >> 11)) * 0x1p-53; }

}  // namespace

PhiloxKey draw_key(std::uint64_t seed, std::uint64_t name) {
  const std::uint64_t key = mix(mix(seed + 0x9e3779b97f4a7c15U) ^ name);
  return {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
}

DrawPoint draw_point(std::int64_t example_id, std::span<const std::int32_t> positions) {
  const auto id = static_cast<std::uint64_t>(example_id);
  DrawPoint point{0, static_cast<std::uint32_t>(id >> 32), static_cast<std::uint32_t>(id)};
  if (positions.empty()) return point;
  for (const std::int32_t position : positions.first(positions.size() - 1)) {
    point.outer = point.outer * 0x9E3779B1U + static_cast<std::uint32_t>(position);
  }
  point.inner = static_cast<std::uint32_t>(positions.back());
  return point;
}

template <class T>
void draw_uniform(PhiloxKey key, const DrawPoint& point, T* out, std::int64_t elements) {
  for (std::int64_t first = 0; first < elements; first += kBlock) {
    const PhiloxCounter high = high_bits(key, point, first / kBlock);
    const PhiloxCounter low = sizeof(T) == sizeof(double) ? low_bits(key, point, first / kBlock) : PhiloxCounter{};
    const auto count = static_cast<std::size_t>(std::min(kBlock, elements - first));
    for (std::size_t i = 0; i < count; ++i) {
      if constexpr (sizeof(T) == sizeof(double)) {
        *out++ = to_double(high[i], low[i]);
      } else {
        *out++ = static_cast<float>(high[i] >> 8) * 0x1p-24F;
      }
    }
  }
}

// A pair of uniforms u, v makes two normals: sqrt(-2 log(1 - u)) times the cosine and the sine of 2 pi v.
template <class T>
void draw_normal(PhiloxKey key, const DrawPoint& point, T* out, std::int64_t elements) {
  for (std::int64_t first = 0; first < elements; first += kBlock) {
    const PhiloxCounter high = high_bits(key, point, first / kBlock);
    const PhiloxCounter low = low_bits(key, point, first / kBlock);
    const auto count = static_cast<std::size_t>(std::min(kBlock, elements - first));
    for (std::size_t i = 0; i < count; i += 2) {
      const double radius = std::sqrt(-2.0 * draw_log(1.0 - to_double(high[i], low[i])));
      const DrawAngle angle = draw_angle(to_double(high[i + 1], low[i + 1]));
      *out++ = static_cast<T>(radius * angle.cosine);
      if (i + 1 < count) *out++ = static_cast<T>(radius * angle.sine);
    }
  }
}

template void draw_uniform(PhiloxKey, const DrawPoint&, float*, std::int64_t);
template void draw_uniform(PhiloxKey, const DrawPoint&, double*, std::int64_t);
template void draw_normal(PhiloxKey, const DrawPoint&, float*, std::int64_t);
template void draw_normal(PhiloxKey, const DrawPoint&, double*, std::int64_t);

// x = 2^k m with m in [sqrt(1/2), sqrt(2)); with s = (m - 1) / (m + 1), log m = 2 atanh(s) = 2 s + s r(s^2). The polynomials of
// this function and the next are those of FreeBSD's msun (Sun Microsystems 1993).
double draw_log(double x) {
  std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  bits = (bits & 0x000fffffffffffffU) | 0x3ff0000000000000U;
  double m = std::bit_cast<double>(bits);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const double f = m - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  const double r = z * (6.666666666666735130e-01 +
                        z * (3.999999999940941908e-01 +
                             z * (2.857142874366239149e-01 +
                                  z * (2.222219843214978396e-01 +
                                       z * (1.818357216161805012e-01 + z * (1.531383769920937332e-01 + z * 1.479819860511658591e-01))))));
  const double half = 0.5 * f * f;
  const double k = exponent;
  return k * 6.93147180369123816490e-01 - ((half - (s * (half + r) + k * 1.90821492927058770002e-10)) - f);
}

// The nearest quarter turn is taken off exactly; what is left lies in [-1/8, 1/8] turns.
DrawAngle draw_angle(double turns) {
  const int quarter = static_cast<int>(turns * 4.0 + 0.5);
  const double x = (turns - 0.25 * quarter) * 6.283185307179586;
  const double z = x * x;
  const double sine =
      x + x * z *
              (-1.66666666666666324348e-01 +
               z * (8.33333333332248946124e-03 +
                    z * (-1.98412698298579493134e-04 +
                         z * (2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)))));
  const double tail = z * z *
                      (4.16666666666666019037e-02 +
                       z * (-1.38888888888741095749e-03 +
                            z * (2.48015872894767294178e-05 +
                                 z * (-2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))));
  const double cosine = 1.0 - (0.5 * z - tail);
  switch (quarter & 3) {
    case 0:
      return {sine, cosine};
    case 1:
      return {cosine, -sine};
    case 2:
      return {-sine, -cosine};
    default:
      return {-cosine, sine};
  }
}

}  // namespace tapeloop
