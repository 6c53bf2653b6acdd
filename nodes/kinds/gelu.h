// y = x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(gelu) {
  kind.role = Role::kComposite;
  kind.doc = "Gaussian error linear unit, by the paper's formula with tanh. Hendrycks & Gimpel 2016, arXiv:1606.08415.";
  kind.usage = "gelu(x)";
  kind.operands = {"x"};
  kind.equation = "0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * square(x))))";
  kind.examples = point_examples(1, -4, 4);
}

}  // namespace tapeloop::kinds
