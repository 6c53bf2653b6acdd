// y = mean over the shape of e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2), e = prediction - target        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(huber) {
  kind.role = Role::kComposite;
  kind.doc = "Squared error near the target, absolute error further off, a scalar at each position. Huber 1964.";
  kind.usage = "huber(prediction, target, delta=1)";
  kind.operands = {"prediction", "target"};
  kind.options = {from(0, option("delta", OptionSpec::Type::kNumber, 1.0, "where one becomes the other"))};
  kind.equation =
      "mean_shape(where(abs(prediction - target) <= delta, 0.5 * square(prediction - target), "
      "delta * (abs(prediction - target) - 0.5 * delta)))";
  kind.examples = {example({{}, {}}), example({{5}, {5}}), example({{3, 4}, {3, 4}}, {{"delta", 0.25}})};
}

}  // namespace tapeloop::kinds
