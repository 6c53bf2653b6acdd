// Arrays of random numbers, and their entries by place.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "core/array.h"

namespace tapeloop::test {

template <class T>
Array<T> random_array(const std::vector<std::int64_t>& dims, std::mt19937& random) {
  std::uniform_real_distribution<T> any(-1, 1);
  Array<T> array;
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) count *= dim;
  array.dims = dims;
  for (std::int64_t k = 0; k < count; ++k) array.data.push_back(any(random));
  return array;
}

template <class T>
T at(const Array<T>& array, std::vector<std::int64_t> place) {
  std::int64_t index = 0;
  for (std::size_t k = 0; k < array.dims.size(); ++k) index = index * array.dims[k] + (k < place.size() ? place[k] : 0);
  return array.data[static_cast<std::size_t>(index)];
}

}  // namespace tapeloop::test
