// The compiler on one page: the passes in order, each with its reason, and `compile`, which runs them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/passes/chunk.h"
#include "core/container.h"
#include "core/diagnostics.h"
#include "core/graph.h"
#include "core/kind.h"
#include "core/mode.h"
#include "core/plan.h"

namespace tapeloop {

// Finds the container that `op` names where it is not an op: beside the file, then among the built-in cells. Null if none.
using ContainerLoader = std::function<std::shared_ptr<const Container>(const std::string& op, const Container& asked_from, Diagnostics&)>;

struct CompileOptions {
  Mode mode = Mode::kTrain;
  std::vector<std::string> without;  // optimisations to leave out, see kOptimisations
  std::vector<Override> overrides;   // of the options of the outermost container
  ContainerLoader load;
  // Sizes of the shapes (no rows, no axes) of what will be fed, by input or parameter name: they bind the free sizes.
  std::map<std::string, std::vector<std::int64_t>> fed_shapes;
  std::map<std::string, std::int64_t> fed_sizes;  // free sizes of the outermost container, by name
  bool gradients = true;                          // make a backward program
  bool input_gradients = false;                   // also for float inputs
  std::function<bool(std::string_view)> frozen;   // parameters, by name, whose gradients nobody wants; empty: none
  bool cotangents = false;                        // gradients of outputs weighted by cotangents "d(OUTPUT)", even if there is a loss
  std::vector<std::string> keep;                  // named values that must be readable after a run though no output needs them
  bool carry = false;                             // one chunk of a stream along t: taps read carried values outside it; see passes/carry.h
  bool recompute = false;                         // keep less and work it out again: see passes/recompute.h and passes/strips.h
  ChunkOptions chunk;                             // one of the two parts of a model that is run chunk by chunk along t; see passes/chunk.h
};

struct Compiled {
  Graph graph;           // after inference, before differentiation: what the reference evaluator runs
  Graph differentiated;  // the same with adjoints, before optimisation
  Plan plan;
  std::map<std::string, NodeId> kept;  // CompileOptions::keep: the plan's value of each name that the model has
};

struct PassInfo {
  std::string_view name;
  std::string_view reason;
  bool optimisation = false;  // can be left out by name
};
// All passes in order; `hoist` and `share` are parts of partition and plan_memory that can be left out.
const std::vector<PassInfo>& passes();

// Reports everything wrong with the model into `diagnostics`; the result means something only if there are no errors.
// Throws std::invalid_argument for a name in `without` that no optimisation has.
// `observe`, if given, sees the graph after each pass, by name (for --after).
using PassObserver = std::function<void(std::string_view pass, const Graph& graph)>;
Compiled compile(const Container& container, const CompileOptions& options, const Registry& registry, Diagnostics& diagnostics,
                 const PassObserver& observe = {});

}  // namespace tapeloop
