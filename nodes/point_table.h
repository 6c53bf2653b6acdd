// The compiled bodies of the point kinds, chosen for this processor. A table by name, as the units on both sides of it share no
// header: what is compiled for several instruction sets includes nothing but Highway, <cstd..> and the bodies.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tapeloop {

// See PointFunction in core/kind.h.
template <class T>
using PointRows = void (*)(const T* const* in, const std::uint8_t* step, const std::int64_t* stride, T* out, std::int64_t out_stride,
                           std::size_t rows, std::size_t n);
struct PointEntry {
  const char* name;  // null ends the table
  PointRows<float> f32;
  PointRows<double> f64;
};
const PointEntry* point_table();
const char* point_target();  // the instruction set: "AVX3"
// For tests: from now on the table is that of the nth best instruction set of this processor, of the best one for -1. False if
// there are not so many.
bool limit_point_target(int nth);

}  // namespace tapeloop
