// y_j = x_j - m - log sum_k e^(x_k - m), m = max x, over all elements of the shape        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(log_softmax_shape) {
  kind.role = Role::kComposite;
  kind.doc = "Logarithm of softmax over the whole shape. Users write log_softmax(x, along=shape).";
  kind.operands = {"x"};
  kind.equation = "x - stop_gradient(max_shape(x)) - log(sum_shape(exp(x - stop_gradient(max_shape(x)))))";
  kind.examples = {example({{}}), example({{5}}), example({{3, 4}})};
}

}  // namespace tapeloop::kinds
