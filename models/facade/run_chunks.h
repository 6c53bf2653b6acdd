// A batch as streams would bring it: what `tapeloop run --chunks` does, so that a user sees it equal the run of the whole.
#pragma once

#include "models/facade/evaluate.h"

namespace tapeloop {

// The outputs of Streams to which every example is a stream: each call has some of them, in some order, with 0 to options.chunks
// positions each, as drawn by options.seed, until all are through. Throws ModelError: E0609 for a model that is not causal along t,
// E0732 for an input on an axis within t.
template <class T>
typename Evaluated<T>::Arrays run_chunks(const Model& model, const Prepared<T>& whole, const EvaluateOptions& options);

}  // namespace tapeloop
