// How a long axis is cut into chunks where nobody says.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace tapeloop {

// Of a chunk: the square root of the longest run, rounded up; at least 1.
inline std::int64_t chunk_positions(std::int64_t longest) {
  return std::max<std::int64_t>(static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(longest)))), 1);
}

}  // namespace tapeloop
