// The compiled bodies of the point kinds, chosen for this processor. A table by name: what is compiled for several instruction sets
// includes nothing but Highway, <cstd..>, the bodies and plain structures.
#pragma once

#include "core/point_code.h"

namespace tapeloop {

struct PointEntry {
  const char* name;  // null ends the table
  PointBodies<float> f32;
  PointBodies<double> f64;
};
const PointEntry* point_table();
const char* point_target();  // the instruction set: "AVX3"
// For tests: from now on the table is that of the nth best instruction set of this processor, of the best one for -1. False if
// there are not so many.
bool limit_point_target(int nth);

}  // namespace tapeloop
