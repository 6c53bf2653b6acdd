// Whether what an evaluation gave is finite, and where its values first are not.
#pragma once

#include <string>

#include "models/facade/evaluate.h"
#include "models/facade/feed.h"
#include "models/facade/model.h"

namespace tapeloop {

enum class Finite { kAll, kInfinite, kNaN };

// The worst that is among the outputs, gradients and the loss.
Finite worst_of(const Evaluated<double>& found);

// "'h' (m.yaml:7:6) is inf at t=5 of example 1", or whose gradient it is; "" if all that was found is finite. `found` is what evaluating
// the feed in T gave; T: float or double.
template <class T>
std::string not_finite_text(const Model& model, const Feed& feed, const EvaluateOptions& options, const Evaluated<double>& found);

}  // namespace tapeloop
