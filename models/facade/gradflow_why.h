// Why no gradient goes from one value to another, in the user's words.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/facade/flow_paths.h"
#include "models/facade/gradflow_place.h"
#include "models/facade/model.h"

namespace tapeloop {

// Two values at their positions, both without the other's gradient.
struct Unconnected {
  GradientPlace from, to;
  std::vector<FlowPoint> from_points, to_points;
};

struct FlowReason {
  std::vector<FlowPoint> path;  // on which it would go; empty: there is none
  std::string text;             // one line
};

// `alive` tells whether the derivative of `from` by a point's value is anything but zeros. Looks, in this order, for a way on which
// a derivative is 0 at these numbers, one that an op cuts, other positions of `to` that are read, an empty run, a length.
FlowReason reason_of(const Graph& graph, ReferencePoints& points, FlowPaths& paths, const Unconnected& ends,
                     const std::function<bool(const FlowPoint&)>& alive);

// What train.truncate of the model cuts off of a gradient from one position of t to another (none: from several); "" if nothing.
std::string cut_in_training(const Model& model, std::optional<std::int64_t> from, std::optional<std::int64_t> to);

}  // namespace tapeloop
