// Peer of the point programs: the pointwise part of a recurrent step as one would write it by hand, each loop one pass over memory.
// Compiled for every instruction set, by the kinds' own bodies of sigmoid and tanh: includes <cstd..> only.
#pragma once

#include <cstddef>

namespace tapeloop::bench {

inline constexpr std::size_t kMostArrays = 16;

// a: the arrays that a loop reads, then those that it writes, each [rows, n]; what a product has made of all gates, [rows, gates * n].
using FusedLoop = void (*)(float* const* a, std::size_t rows, std::size_t n);  // REQUIRES: n a multiple of 64

// One loop for each point program of the plan's step: products stand between them. Null ends a list.
struct FusedStep {
  const char* cell;  // null ends the table
  FusedLoop forward[4];
  FusedLoop backward[4];
};
const FusedStep* fused_steps();

}  // namespace tapeloop::bench
