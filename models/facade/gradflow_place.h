// A value at some of its positions, as a user writes it: h, x[t=2], y[example=0, t=-1], b[t=3, u=0][5].
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/diagnostics.h"
#include "core/graph.h"
#include "runtime/reference_points.h"

namespace tapeloop {

// NAME[axis=position, ...][index, ...]. Positions count from 0, negative ones from the end of each run; what is not said is all.
// `example` is the row of the batch.
struct GradientPlace {
  std::string text;  // as it was written
  std::string name;
  NodeId node = kNone;
  std::vector<std::pair<std::string, std::int64_t>> positions;
  std::vector<std::int64_t> element;  // an index for each dimension of the shape; empty: all
};

// Reports E0921: not of that form, an axis that the value does not have, an index beyond its shape; E0721: an unknown name.
// `loss` is the total loss where the model has one. `option` is what the place was given to ("--from").
GradientPlace read_place(const std::string& text, const std::string& option, const Graph& graph, Diagnostics& diagnostics);

// The points of the value that are meant, as ReferencePoints numbers them; none: no example has such a position.
std::vector<std::int32_t> points_of(const GradientPlace& place, const Graph& graph, ReferencePoints& points);

// The flat indices of the elements that are meant.
std::vector<std::int64_t> elements_of(const GradientPlace& place, const Graph& graph);

// "h[t=2]" of one point; "[example=1, t=2]" where the batch has several.
std::string point_text(const Graph& graph, NodeId node, std::int32_t point, ReferencePoints& points);

}  // namespace tapeloop
