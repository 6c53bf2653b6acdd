// Where a number stopped being finite. A training only looks at the loss and the length of the gradient; when one of them is not finite,
// the model is compiled once more with every named value kept, and the same batch is evaluated again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/source.h"
#include "models/facade/model.h"
#include "runtime/batch.h"
#include "runtime/training/parameters.h"

namespace tapeloop {

struct NotFinite {
  std::string name;           // of a value, an input or a parameter
  Source source;              // of its equation
  std::string position;       // "t=5"; empty for a value without axes
  std::int64_t example = -1;  // as the batch numbers it; -1: of a parameter, or what depends on parameters alone
  double value = 0;
};
// "'h.n' (gru.yaml:9:6) is inf at t=5 of example 12"
std::string text(const NotFinite& found);

// The first named value that is not finite though what it reads is; of the first example that has one. None: all are finite.
// `options` as the batch was run with; `seed` of its random draws. T: float or double.
template <class T>
std::optional<NotFinite> find_not_finite(const Model& model, CompileOptions options, const std::map<std::string, Array<T>>& parameters,
                                         const Batch<T>& batch, std::uint64_t seed);
std::optional<NotFinite> find_not_finite(const Model& model, CompileOptions options, const Parameters<float>& parameters,
                                         const Batch<float>& batch, std::uint64_t seed);

}  // namespace tapeloop
