// y = sum of all elements of x / their number        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(mean_shape) {
  kind.role = Role::kComposite;
  kind.doc = "Mean over the whole shape. Users write mean(x, along=shape).";
  kind.operands = {"x"};
  kind.equation = "sum_shape(x) / shape_size(x)";
  kind.examples = {example({{}}), example({{5}}), example({{3, 4}})};
}

}  // namespace tapeloop::kinds
