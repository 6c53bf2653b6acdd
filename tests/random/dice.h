// Small random decisions, the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/philox.h"

namespace tapeloop {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)} {}
  // The first decisions are bytes that are given, one each.
  explicit Dice(std::string_view given) : given_(given), key_{0, 0} {}

  double unit() { return next() * 0x1p-32; }                              // [0, 1)
  int below(int n) { return static_cast<int>(unit() * n); }               // 0 .. n-1
  int between(int low, int high) { return low + below(high - low + 1); }  // low .. high
  bool chance(double probability) { return unit() < probability; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[static_cast<std::size_t>(below(static_cast<int>(from.size())))];
  }

 private:
  std::uint32_t next() {
    if (count_ < given_.size()) return static_cast<std::uint32_t>(static_cast<unsigned char>(given_[count_++])) << 24;
    return philox({count_++, 0, 0, 0}, key_)[0];
  }

  std::string given_;
  PhiloxKey key_;
  std::uint32_t count_ = 0;
};

}  // namespace tapeloop
