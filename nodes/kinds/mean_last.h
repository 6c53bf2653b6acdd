// y[.., 0] = sum_j x[.., j] / n        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(mean_last) {
  kind.role = Role::kComposite;
  kind.doc = "Mean over the last dimension, which stays as 1.";
  kind.operands = {"x"};
  kind.equation = "sum_last(x) / last_size(x)";
  kind.examples = {example({{}}), example({{5}}), example({{3, 4}})};
}

}  // namespace tapeloop::kinds
