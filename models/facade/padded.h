// Arrays of a ragged batch in a larger frame.
#pragma once

#include <cstdint>
#include <vector>

#include "core/array.h"

namespace tapeloop {

// The array with every dimension as large as asked, zeros in what is new.
template <class T>
Array<T> padded_to(const Array<T>& array, const std::vector<std::int64_t>& dims) {
  if (array.dims == dims || array.dims.size() != dims.size()) return array;
  std::size_t size = 1;
  for (const std::int64_t dim : dims) size *= static_cast<std::size_t>(dim);
  Array<T> result{dims, std::vector<T>(size, T(0))};
  std::vector<std::int64_t> at(dims.size(), 0);
  for (const T& value : array.data) {
    std::size_t flat = 0;
    for (std::size_t d = 0; d < dims.size(); ++d) flat = flat * static_cast<std::size_t>(dims[d]) + static_cast<std::size_t>(at[d]);
    result.data[flat] = value;
    for (std::size_t d = dims.size(); d-- > 0 && ++at[d] == array.dims[d];) at[d] = 0;
  }
  return result;
}

}  // namespace tapeloop
