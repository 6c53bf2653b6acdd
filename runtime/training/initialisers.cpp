#include "runtime/training/initialisers.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "runtime/draws.h"

namespace tapeloop {
namespace {

using Values = std::vector<double>;

std::int64_t product(std::span<const std::int64_t> dims) {
  std::int64_t result = 1;
  for (const std::int64_t dim : dims) result *= dim;
  return result;
}

Values drawn(std::int64_t count, std::uint64_t seed, std::string_view name, bool normal) {
  // A stream of its own: a node of the same name draws other numbers.
  const PhiloxKey key = draw_key(seed, draw_name("init/" + std::string(name)));
  Values values(static_cast<std::size_t>(count));
  (normal ? draw_normal<double> : draw_uniform<double>)(key, DrawPoint{}, values.data(), count);
  return values;
}

double glorot_limit(std::span<const std::int64_t> dims) {
  if (dims.empty()) return std::sqrt(3.0);
  const std::int64_t out = dims.back();
  const std::int64_t in = dims.size() > 1 ? dims[dims.size() - 2] : out;
  const std::int64_t places = dims.size() > 2 ? product(dims.first(dims.size() - 2)) : 1;
  return std::sqrt(6.0 / std::max(1.0, static_cast<double>(places * (in + out))));
}

// Makes the `count` vectors of `length` numbers that lie one after another orthonormal, each by taking off its parts along those
// before it, twice (Gram & Schmidt; Giraud et al. 2005: twice is enough). REQUIRES: count <= length
void orthonormalise(Values& values, std::size_t count, std::size_t length) {
  for (std::size_t i = 0; i < count; ++i) {
    double* v = &values[i * length];
    for (std::size_t pass = 0; pass < 2; ++pass) {
      for (std::size_t j = 0; j < i; ++j) {
        const double* u = &values[j * length];
        double dot = 0;
        for (std::size_t k = 0; k < length; ++k) dot += u[k] * v[k];
        for (std::size_t k = 0; k < length; ++k) v[k] -= dot * u[k];
      }
    }
    double square = 0;
    for (std::size_t k = 0; k < length; ++k) square += v[k] * v[k];
    for (std::size_t k = 0; k < length; ++k) v[k] /= std::sqrt(square);
  }
}

Values orthogonal(std::span<const std::int64_t> dims, std::uint64_t seed, std::string_view name) {
  const auto count = static_cast<std::size_t>(product(dims));
  if (count == 0) return {};
  const auto rows = dims.empty() ? std::size_t{1} : static_cast<std::size_t>(dims[0]);
  const std::size_t columns = count / rows;
  Values values = drawn(static_cast<std::int64_t>(count), seed, name, true);
  orthonormalise(values, std::min(rows, columns), std::max(rows, columns));
  if (rows <= columns) return values;
  Values turned(count);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) turned[r * columns + c] = values[c * rows + r];
  }
  return turned;
}

Values uniform(std::span<const std::int64_t> dims, std::uint64_t seed, std::string_view name, double half_width) {
  Values values = drawn(product(dims), seed, name, false);
  for (double& value : values) value = (2 * value - 1) * half_width;
  return values;
}

Values scaled(Values values, double factor) {
  for (double& value : values) value *= factor;
  return values;
}

Values initial_values(const Init& init, std::span<const std::int64_t> dims, std::uint64_t seed, std::string_view name) {
  const std::string what = !init.name.empty() ? init.name : dims.size() >= 2 ? "glorot" : "zeros";
  const auto count = static_cast<std::size_t>(product(dims));
  const auto value_or = [&](double otherwise) { return init.has_value ? init.value : otherwise; };
  if (what == "zeros") return Values(count, 0.0);
  if (what == "ones") return Values(count, 1.0);
  if (what == "constant") return Values(count, init.value);
  if (what == "uniform") return uniform(dims, seed, name, value_or(0.05));
  if (what == "normal") return scaled(drawn(product(dims), seed, name, true), value_or(0.05));
  if (what == "glorot") return uniform(dims, seed, name, value_or(1) * glorot_limit(dims));
  if (what == "orthogonal") return scaled(orthogonal(dims, seed, name), value_or(1));
  throw std::invalid_argument("no initialiser '" + what + "'");
}

}  // namespace

const std::vector<std::string>& initialiser_names() {
  static const std::vector<std::string> kNames{"zeros", "ones", "constant", "uniform", "normal", "glorot", "orthogonal"};
  return kNames;
}

template <class T>
void initialise(const Init& init, std::span<const std::int64_t> dims, std::uint64_t seed, std::string_view name, std::span<T> out) {
  const Values values = initial_values(init, dims, seed, name);
  if (values.size() != out.size()) throw std::logic_error("initialise: the space does not fit the shape");
  std::transform(values.begin(), values.end(), out.begin(), [](double value) { return static_cast<T>(value); });
}

template void initialise<float>(const Init&, std::span<const std::int64_t>, std::uint64_t, std::string_view, std::span<float>);
template void initialise<double>(const Init&, std::span<const std::int64_t>, std::uint64_t, std::string_view, std::span<double>);

}  // namespace tapeloop
