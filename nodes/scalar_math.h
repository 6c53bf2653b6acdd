// The functions that bodies of point kinds may use, for double and complex<double>; lanes-inl.h has the same for vectors.
// A complex number is a real one with an infinitesimal part (complex step): decisions look at the real part.
#pragma once

#include <cmath>
#include <complex>

namespace tapeloop::kinds {

using Complex = std::complex<double>;

inline bool Less(double a, double b) { return a < b; }
inline bool LessEqual(double a, double b) { return a <= b; }
inline bool Equal(double a, double b) { return a == b; }
inline bool Less(const Complex& a, const Complex& b) { return a.real() < b.real(); }
inline bool LessEqual(const Complex& a, const Complex& b) { return a.real() <= b.real(); }
inline bool Equal(const Complex& a, const Complex& b) { return a.real() == b.real(); }

template <class T>
T Select(bool condition, const T& yes, const T& no) {
  return condition ? yes : no;
}

inline double Abs(double x) { return std::abs(x); }
inline double Floor(double x) { return std::floor(x); }
inline double Sqrt(double x) { return std::sqrt(x); }
inline double Exp(double x) { return std::exp(x); }
inline double ExpDown(double x) { return std::exp(x); }
inline double Log(double x) { return std::log(x); }
inline double Log1p(double x) { return std::log1p(x); }
inline double Tanh(double x) { return std::tanh(x); }
inline double Power(double x, double n) { return std::pow(x, n); }

// Remainder with the sign of the divisor.
inline double Mod(double x, double n) {
  const double rest = std::fmod(x, n);
  return rest != 0 && (rest < 0) != (n < 0) ? rest + n : rest;
}

inline Complex Abs(const Complex& x) { return x.real() < 0 ? -x : x; }
inline Complex Floor(const Complex& x) { return std::floor(x.real()); }
inline Complex Sqrt(const Complex& x) { return std::sqrt(x); }
inline Complex Exp(const Complex& x) { return std::exp(x); }
inline Complex ExpDown(const Complex& x) { return std::exp(x); }
inline Complex Log(const Complex& x) { return std::log(x); }
inline Complex Log1p(const Complex& x) {
  return {0.5 * std::log1p(x.real() * (2 + x.real()) + x.imag() * x.imag()), std::atan2(x.imag(), 1 + x.real())};
}
inline Complex Tanh(const Complex& x) { return std::tanh(x); }

// exp(n log x) would give negative x a spurious imaginary part: whole n multiply, and the sign is kept apart.
inline Complex Power(const Complex& x, const Complex& n) {
  constexpr double kMostFactors = 64;
  const double whole = std::abs(n.real());
  if (n.imag() == 0 && whole <= kMostFactors && whole == std::floor(whole)) {
    Complex product = 1;
    for (int k = 0; k < static_cast<int>(whole); ++k) product *= x;
    return n.real() < 0 ? 1.0 / product : product;
  }
  const bool negative = x.real() < 0;
  const Complex magnitude = std::exp(n * std::log(negative ? -x : x));
  if (!negative) return x == Complex(0) ? Complex(std::pow(0.0, n.real())) : magnitude;
  const double value = std::pow(x.real(), n.real());  // NaN unless n is whole
  return std::isnan(value) ? Complex(value, value) : (std::signbit(value) ? -magnitude : magnitude);
}

inline Complex Mod(const Complex& x, const Complex& n) {
  const double rest = Mod(x.real(), n.real());
  return {rest, x.imag() - std::round((x.real() - rest) / n.real()) * n.imag()};
}

}  // namespace tapeloop::kinds
