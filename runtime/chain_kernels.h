// A linear recurrence through one value, y[t] = y[t-1] * a[t] + b[t] and the like, for every instruction set, the best one chosen at
// run time. Numbers side by side are independent, so a few vectors of them go through all steps in registers; each multiplication and
// each addition is rounded by itself, as the point kernels do it.
//
// From 32 floats a step on, numbers are read and written as fast as memory gives them: a scan over blocks of time, which rounds in
// another order, would gain nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tapeloop {

inline constexpr std::size_t kMostLinks = 2;  // in a step

// What a link adds, subtracts or multiplies by: `n` numbers a step, or one for all of them.
template <class T>
struct ChainKnown {
  const T* data = nullptr;
  std::int64_t step = 0;  // numbers from step to step, maybe negative
  bool each = false;      // a number for each of the n
};

template <class T>
struct ChainCall {
  std::int64_t steps = 0;
  std::int64_t n = 0;
  const T* before = nullptr;  // [n]: y one step before the first
  std::size_t links = 1;
  int forms[kMostLinks] = {};  // 0: y * c, 1: y + c, 2: y - c, 3: c - y
  ChainKnown<T> known[kMostLinks];
  T* out[kMostLinks] = {};  // y after each link, from the first step on; of all but the last null if nobody reads it
  std::int64_t out_step[kMostLinks] = {};
};

void run_chain(const ChainCall<float>& call);
void run_chain(const ChainCall<double>& call);

}  // namespace tapeloop
