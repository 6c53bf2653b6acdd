// y = sqrt(sum of squares of all elements)        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(norm) {
  kind.role = Role::kComposite;
  kind.doc = "Euclidean length of a vector, or of all elements of a shape.";
  kind.usage = "norm(x)";
  kind.operands = {"x"};
  kind.equation = "sqrt(sum_shape(square(x)))";
  kind.examples = {example({{1}}), example({{5}}), example({{3, 4}})};
}

}  // namespace tapeloop::kinds
