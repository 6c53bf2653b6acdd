// Checks what `differentiate` says about a graph: each adjoint, evaluated by the reference evaluator, against the complex step of
// the forward equations, which no adjoint rule touches.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/array.h"
#include "core/graph.h"
#include "core/kind.h"
#include "runtime/batch.h"

namespace tapeloop {

using Parameters = std::map<std::string, Array<double>>;

// Numbers in [low, high) that depend on `name` alone; whole ones in [0, int_below) if that is not 0.
Array<double> random_array(std::vector<std::int64_t> dims, const std::string& name, double low, double high, std::int64_t int_below = 0);

struct BadEntry {
  std::string leaf;
  std::int64_t element = 0;
  double adjoint = 0;
  double complex_step = 0;
};

struct GradientReport {
  std::vector<BadEntry> bad;
  std::int64_t compared = 0;
  std::string text() const;  // every bad entry, one a line
};

// For every float input and parameter, all elements, with random cotangents on all outputs. `tolerance` is relative to the largest
// entry of the leaf's gradient, or to 1. What an element past the end of a run says must be 0.
// REQUIRES: spaces, shapes and outputs are there; no adjoints yet.
GradientReport check_gradients(const Graph& forward, const Registry& registry, const Batch<double>& batch, const Parameters& parameters,
                               double tolerance = 1e-10);
// The same for float inputs alone: no parameter wants a gradient.
GradientReport check_input_gradients(const Graph& forward, const Registry& registry, const Batch<double>& batch,
                                     const Parameters& parameters);

}  // namespace tapeloop
