// Reverse-mode differentiation, graph to graph. The adjoint of a system of recurrence equations is again one, its taps turned
// round (h_tm1 gives d(h)_tp1), so the passes that follow schedule it like any other.
#pragma once

#include <functional>
#include <string_view>

#include "core/graph.h"
#include "core/kind.h"

namespace tapeloop {

struct DifferentiateOptions {
  bool inputs = false;      // also with respect to float inputs
  bool cotangents = false;  // of all outputs, weighted by inputs "d(OUTPUT)"; else of the total loss, if there is one
  std::function<bool(std::string_view)> frozen = {};  // parameters, by name, that want no gradient; empty: none
  bool carried = false;                               // also with respect to what goes from chunk to chunk: see core/chunk_names.h
  bool inner = false;                                 // with respect to every float value there is, not to leaves alone
};

// Requires: explicit reads, spaces, shapes and types are there; total_loss has run if there is a loss.
// Ensures: graph.gradients has every parameter that is not frozen (and float input, or every float value) and its adjoint; graph.seeds the
// cotangent inputs; all new nodes are of the backward phase; an adjoint lives on its value's space and has its shape.
Graph differentiate(Graph graph, const DifferentiateOptions& options, const Registry& registry);

}  // namespace tapeloop
