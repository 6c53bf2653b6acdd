#include "models/facade/evaluated_finite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "models/facade/not_finite.h"

namespace tapeloop {

Finite worst_of(const Evaluated<double>& found) {
  Finite worst = Finite::kAll;
  const auto look = [&](double value) {
    worst = std::max(worst, std::isnan(value) ? Finite::kNaN : std::isinf(value) ? Finite::kInfinite : Finite::kAll);
  };
  for (const Evaluated<double>::Arrays* arrays : {&found.outputs, &found.gradients}) {
    for (const auto& [name, array] : *arrays) std::for_each(array.data.begin(), array.data.end(), look);
  }
  look(found.loss.value_or(0));
  return worst;
}

template <class T>
std::string not_finite_text(const Model& model, const Feed& feed, const EvaluateOptions& options, const Evaluated<double>& found) {
  if (worst_of(found) == Finite::kAll) return "";
  const Prepared<T> prepared = prepare<T>(model, feed, options);
  Diagnostics unheard;  // it has been compiled
  CompileOptions compile;
  compile.mode = options.mode;
  compile.fed_shapes = fed_shapes(feed, model.expanded(unheard, options.mode));
  const std::optional<NotFinite> first = find_not_finite<T>(model, compile, prepared.parameters, prepared.batch, options.seed);
  if (first) return text(*first);
  for (const auto& [name, array] : found.gradients) {
    if (std::all_of(array.data.begin(), array.data.end(), [](double value) { return std::isfinite(value); })) continue;
    return fmt::format("all values are finite, but the gradient of '{}' is not", name);
  }
  return "all values are finite, but their sum is not";
}

template std::string not_finite_text<float>(const Model&, const Feed&, const EvaluateOptions&, const Evaluated<double>&);
template std::string not_finite_text<double>(const Model&, const Feed&, const EvaluateOptions&, const Evaluated<double>&);

}  // namespace tapeloop
