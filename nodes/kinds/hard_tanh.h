// y = x held between -1 and 1        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(hard_tanh) {
  kind.role = Role::kComposite;
  kind.doc = "Straight line in place of the hyperbolic tangent. Collobert 2004.";
  kind.usage = "hard_tanh(x)";
  kind.operands = {"x"};
  kind.equation = "clip(x, -1, 1)";
  kind.examples = point_examples(1, -3, 3);
}

}  // namespace tapeloop::kinds
