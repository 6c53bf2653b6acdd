// y = the position along an axis, from 0        no cotangent passes
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(index) {
  kind.doc = "Position on an axis, from 0; an int.";
  kind.usage = "index(AXIS)";
  kind.role = Role::kIndex;
  kind.result_type = Type::kInt;
  kind.differentiable = false;
  kind.cost = no_cost;
}

}  // namespace tapeloop::kinds
