// y(p) = e^(x(p) - m) / sum_q e^(x(q) - m), m = max x, over the positions of an axis        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(softmax_along) {
  kind.role = Role::kComposite;
  kind.doc = "Positive parts of 1 over an axis, element by element. Users write softmax(x, along=AXIS).";
  kind.operands = {"x"};
  kind.options = {option("along", OptionSpec::Type::kAxis, "the axis")};
  kind.equation = "exp(x - stop_gradient(max(x, along=along))) / sum(exp(x - stop_gradient(max(x, along=along))), along=along)";
  kind.examples = {example({{}}), example({{5}}), example({{3, 4}})};
}

}  // namespace tapeloop::kinds
