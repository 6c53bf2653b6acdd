// y_j = x_j - m - log sum_k e^(x_k - m), m = max x, over the last dimension        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(log_softmax) {
  kind.role = Role::kComposite;
  kind.doc = "Logarithm of softmax without underflow; log_softmax(x, along=AXIS) over an axis, along=shape over the whole shape.";
  kind.usage = "log_softmax(x)";
  kind.operands = {"x"};
  kind.equation = "x - stop_gradient(max_last(x)) - log(sum_last(exp(x - stop_gradient(max_last(x)))))";
  kind.examples = {example({{}}), example({{5}}), example({{3, 4}})};
}

}  // namespace tapeloop::kinds
