// Random numbers of a node at a point: a function of the seed, the node's full name, the example, the position and the element
// alone. A permuted or cut batch, other lengths beside it, or another plan of the same model draws the same.
#pragma once

#include <cstdint>
#include <span>

#include "core/philox.h"

namespace tapeloop {

// Of one node in one run. `name` is draw_name(full name).
PhiloxKey draw_key(std::uint64_t seed, std::uint64_t name);

// A point as the counter sees it. Axes are those of the drawing node's space.
struct DrawPoint {
  std::uint32_t inner = 0;    // position on the innermost axis; 0 without axes
  std::uint32_t outer = 0;    // the other positions, folded into one word, and the upper half of the example's id
  std::uint32_t example = 0;  // lower half of the example's id; 0 in P
};
// positions: on the axes of the node's space, outermost first.
DrawPoint draw_point(std::int64_t example_id, std::span<const std::int32_t> positions);

// Uniform in [0, 1). float: 24 bits; double: 53 bits, of which the first 24 are the float's.
// out: [elements], overwritten. T: float, double.
template <class T>
void draw_uniform(PhiloxKey key, const DrawPoint& point, T* out, std::int64_t elements);

// Normal, mean 0, standard deviation 1 (Box & Muller 1958). The float is the double, rounded.
template <class T>
void draw_normal(PhiloxKey key, const DrawPoint& point, T* out, std::int64_t elements);

// What the normals are made from: own polynomials, so that their bits do not depend on the C library. Errors below 2 ulp.
double draw_log(double x);  // REQUIRES: x normal, > 0
struct DrawAngle {
  double sine = 0, cosine = 0;
};
DrawAngle draw_angle(double turns);  // of 2 pi turns. REQUIRES: 0 <= turns < 1

}  // namespace tapeloop
