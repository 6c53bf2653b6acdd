// Calls of a point kind's vector kernel on whole lists of numbers.
#pragma once

#include <cstdint>
#include <vector>

#include "core/kind.h"
#include "core/point_op.h"

namespace tapeloop {

// REQUIRES: the operands are equally long.
template <class T>
std::vector<T> apply(const NodeKind& kind, const std::vector<std::vector<T>>& operands) {
  std::vector<const T*> in;
  for (const auto& operand : operands) in.push_back(operand.data());
  const std::vector<std::uint8_t> step(operands.size(), 1);
  std::vector<T> out(operands[0].size());
  run_op<T>(kind.point.of<T>(), in.size(), in.data(), step.data(), nullptr, out.data(), 0, 1, out.size());
  return out;
}

}  // namespace tapeloop
