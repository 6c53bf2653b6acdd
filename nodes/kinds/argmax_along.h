// y = the first position along an axis where x is largest, 0 of an empty run        no cotangent passes
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(argmax_along) {
  kind.doc = "Position of the largest value along an axis, from 0; of equals the first.";
  kind.role = Role::kExtremeAlong;
  kind.gives_position = true;
  kind.operands = {"x"};
  kind.result_type = Type::kInt;
  kind.differentiable = false;
}

}  // namespace tapeloop::kinds
