// Dense arrays at the borders of a run: what users feed and read back.
#pragma once

#include <cstdint>
#include <vector>

namespace tapeloop {

// Row-major. dims {} is a scalar with one element.
template <class T>
struct Array {
  std::vector<std::int64_t> dims;
  std::vector<T> data;
};

}  // namespace tapeloop
