// y(p) = x(p) - m - log sum_q e^(x(q) - m), m = max x, over the positions of an axis        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(log_softmax_along) {
  kind.role = Role::kComposite;
  kind.doc = "Logarithm of softmax over an axis, element by element. Users write log_softmax(x, along=AXIS).";
  kind.operands = {"x"};
  kind.options = {option("along", OptionSpec::Type::kAxis, "the axis")};
  kind.equation = "x - stop_gradient(max(x, along=along)) - log(sum(exp(x - stop_gradient(max(x, along=along))), along=along))";
  kind.examples = {example({{}}), example({{5}}), example({{3, 4}})};
}

}  // namespace tapeloop::kinds
