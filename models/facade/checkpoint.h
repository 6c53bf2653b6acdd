// Plans for training that works values out again instead of keeping them; see runtime/chunked_run.h.
#pragma once

#include <memory>

#include "models/facade/model.h"
#include "runtime/chunked_run.h"

namespace tapeloop {

// The plans of a model that is run chunk by chunk along t. `options` as for the whole model; with `outputs` false only its loss is
// wanted. Reports E0610 for a model that is not causal along t.
ChunkPlans compile_chunks(const Model& model, CompileOptions options, bool outputs, Diagnostics& diagnostics);

// The plan of a model that cannot be run so: backward works out again, chunk by chunk, what is inside each scan (compiler/passes/
// recompute.h, strips.h); RunOptions::positions says how long a chunk is. None if the model has no scan for which that is possible.
std::shared_ptr<const Plan> compile_recomputing(const Model& model, CompileOptions options, Diagnostics& diagnostics);

}  // namespace tapeloop
