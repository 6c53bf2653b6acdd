// y_j = e^(x_j - m) / sum_k e^(x_k - m), m = max x, over all elements of the shape        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(softmax_shape) {
  kind.role = Role::kComposite;
  kind.doc = "Positive parts of 1 over the whole shape. Users write softmax(x, along=shape).";
  kind.operands = {"x"};
  kind.equation = "exp(x - stop_gradient(max_shape(x))) / sum_shape(exp(x - stop_gradient(max_shape(x))))";
  kind.examples = {example({{}}), example({{5}}), example({{3, 4}})};
}

}  // namespace tapeloop::kinds
