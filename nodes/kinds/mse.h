// y = mean over the shape of (prediction - target)^2        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(mse) {
  kind.role = Role::kComposite;
  kind.doc = "Mean squared error over the shape, a scalar at each position.";
  kind.usage = "mse(prediction, target)";
  kind.operands = {"prediction", "target"};
  kind.equation = "mean_shape(square(prediction - target))";
  kind.examples = {example({{}, {}}), example({{5}, {5}}), example({{3, 4}, {3, 4}})};
}

}  // namespace tapeloop::kinds
