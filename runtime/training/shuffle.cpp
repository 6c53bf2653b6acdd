#include "runtime/training/shuffle.h"

#include <utility>

namespace tapeloop {

void shuffle(std::vector<std::uint32_t>& order, PhiloxKey key, std::uint32_t epoch, std::uint32_t part) {
  for (std::size_t i = order.size(); i > 1; --i) {
    const PhiloxCounter bits = philox({static_cast<std::uint32_t>(i), epoch, part, 0}, key);
    const std::uint64_t draw = std::uint64_t{bits[0]} << 21 | bits[1] >> 11;  // 53 bits
    std::swap(order[i - 1], order[draw % i]);
  }
}

}  // namespace tapeloop
