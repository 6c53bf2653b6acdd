// y = the first position along an axis where x is smallest, 0 of an empty run        no cotangent passes
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(argmin_along) {
  kind.doc = "Position of the smallest value along an axis, from 0; of equals the first.";
  kind.role = Role::kExtremeAlong;
  kind.gives_position = true;
  kind.finds_least = true;
  kind.operands = {"x"};
  kind.result_type = Type::kInt;
  kind.differentiable = false;
}

}  // namespace tapeloop::kinds
