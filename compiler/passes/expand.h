// Container -> Graph: writes out macros, options, inner containers, composites and sugar, until only nodes of plain kinds remain.
//
// Ensures: every node has its kind, operands, attributes, name, text and source; taps, `last` and `first` are `move` nodes without
// outsides (explicit_reads attaches the starts), shared by their readers; Graph::axes are there, outer axes before those within;
// the t of every inner container is bound. Spaces and shapes are not there yet: infer_axes and infer_shapes find them.
//
// Kinds that expand makes by itself, whatever the registry calls its sugar: constant, input, parameter, copy, move, sum_to, max_along,
// min_along, index, length, add, divide, maximum, minimum, multiply, matmul, concat, where.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/container.h"
#include "core/diagnostics.h"
#include "core/graph.h"
#include "core/kind.h"
#include "core/mode.h"

namespace tapeloop {

struct ExpandOptions {
  std::vector<Override> overrides;  // of the options of the outermost container
  Mode mode = Mode::kTrain;
  // Finds the container that `op` names where it is not an op: what `use` says, beside the file, the built-in cells. Null if none.
  std::function<std::shared_ptr<const Container>(const std::string& op, const Container& asked_from, Diagnostics&)> load;
  // Sizes of the shapes (no rows, no axes) of fed inputs and parameters: they bind free sizes.
  std::map<std::string, std::vector<std::int64_t>> fed_shapes;
  // A linear of several operands is a product for each, so that each may leave a loop by itself; false: one product of all.
  bool split_products = true;
  std::map<std::string, std::int64_t> fed_sizes;  // free sizes of the outermost container, by name
};

// After errors the graph means nothing.
Graph expand(const Container& container, const ExpandOptions& options, const Registry& registry, Diagnostics& diagnostics);

}  // namespace tapeloop
