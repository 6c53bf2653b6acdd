// y = x sigmoid(x)        composite: its adjoint follows from the equation
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(silu) {
  kind.role = Role::kComposite;
  kind.doc = "Sigmoid linear unit, also called swish. Elfwing, Uchibe & Doya 2018, arXiv:1702.03118.";
  kind.usage = "silu(x)";
  kind.operands = {"x"};
  kind.equation = "x * sigmoid(x)";
  kind.examples = point_examples(1, -4, 4);
}

}  // namespace tapeloop::kinds
