// y = mean over the shape of |prediction - target|        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(mae) {
  kind.role = Role::kComposite;
  kind.doc = "Mean absolute error over the shape, a scalar at each position.";
  kind.usage = "mae(prediction, target)";
  kind.operands = {"prediction", "target"};
  kind.equation = "mean_shape(abs(prediction - target))";
  kind.examples = {example({{}, {}}), example({{5}, {5}}), example({{3, 4}, {3, 4}})};
}

}  // namespace tapeloop::kinds
