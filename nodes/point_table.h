// The compiled bodies of the point kinds, chosen for this processor. A table by name, as the units on both sides of it share no
// header: what is compiled for several instruction sets includes nothing but Highway, <cstd..> and the bodies.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tapeloop {

// in[k] advances by step[k] in {0, 1} elements, out by 1; n elements. out may be one of the inputs with step 1.
struct PointEntry {
  const char* name;  // null ends the table
  void (*f32)(const float* const* in, const std::uint8_t* step, float* out, std::size_t n);
  void (*f64)(const double* const* in, const std::uint8_t* step, double* out, std::size_t n);
};
const PointEntry* point_table();
const char* point_target();  // the instruction set: "AVX3"
// For tests: from now on the table is that of the nth best instruction set of this processor, of the best one for -1. False if
// there are not so many.
bool limit_point_target(int nth);

}  // namespace tapeloop
