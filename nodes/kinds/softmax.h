// y_j = e^(x_j - m) / sum_k e^(x_k - m), m = max x, over the last dimension        composite
// m cancels: it only keeps the powers below infinity, so no gradient passes through it.
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(softmax) {
  kind.role = Role::kComposite;
  kind.doc =
      "Positive parts of 1 over the last dimension; softmax(x, along=AXIS) over an axis, softmax(x, along=shape) over the whole shape.";
  kind.usage = "softmax(x)";
  kind.operands = {"x"};
  kind.equation = "exp(x - stop_gradient(max_last(x))) / sum_last(exp(x - stop_gradient(max_last(x))))";
  kind.examples = {example({{}}), example({{5}}), example({{3, 4}})};
}

}  // namespace tapeloop::kinds
