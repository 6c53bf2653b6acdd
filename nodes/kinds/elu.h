// y = x above 0, else alpha (e^x - 1)        composite
// The power is taken of numbers up to 0 only: what is not chosen must not be infinite.
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(elu) {
  kind.role = Role::kComposite;
  kind.doc = "Exponential linear unit. Clevert, Unterthiner & Hochreiter 2016, arXiv:1511.07289.";
  kind.usage = "elu(x, alpha=1)";
  kind.operands = {"x"};
  kind.options = {option("alpha", OptionSpec::Type::kNumber, 1.0, "what it tends to far below 0, with the sign changed")};
  kind.equation = "where(x > 0, x, alpha * (exp(minimum(x, 0)) - 1))";
  kind.examples = {example({{5}}), example({{3, 4}}, {{"alpha", 0.5}})};
}

}  // namespace tapeloop::kinds
