// y = the length of the run along an axis        no cotangent passes
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(length) {
  kind.doc = "Length of the run along an axis; an int.";
  kind.usage = "length(AXIS)";
  kind.role = Role::kLength;
  kind.result_type = Type::kInt;
  kind.differentiable = false;
  kind.cost = no_cost;
}

}  // namespace tapeloop::kinds
