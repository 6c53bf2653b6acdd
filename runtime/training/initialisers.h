// How parameters start.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/graph.h"

namespace tapeloop {

// What a declaration may name; Init::value is `value`, or the number in brackets where it is not given.
//   zeros, ones       constant(value)
//   uniform           in [-value, value) (0.05)
//   normal            mean 0, standard deviation value (0.05)
//   glorot            uniform in +-value sqrt(6 / (fan_in + fan_out)) (1): Glorot & Bengio 2010. Fans are the last two dimensions,
//                     each times those in front of them (the places of a convolution); of a vector both are its length.
//   orthogonal        [rows, the rest] has orthonormal rows or columns, whichever are fewer, times value (1): Saxe et al. 2014
// No name: glorot from two dimensions on, else zeros.
const std::vector<std::string>& initialiser_names();

// A function of (init, dims, seed, name) alone, so neither the order nor the presence of other parameters matters; the float is
// the double, rounded. out: [product of dims], row-major, overwritten.
// REQUIRES: a known name (std::invalid_argument).
template <class T>
void initialise(const Init& init, std::span<const std::int64_t> dims, std::uint64_t seed, std::string_view name, std::span<T> out);

}  // namespace tapeloop
