// y = the number of points that the batch has on a space        no cotangent passes
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(count) {
  kind.doc = "Number of points of a space in the batch.";
  kind.role = Role::kCount;
  kind.result_type = Type::kInt;
  kind.differentiable = false;
  kind.cost = no_cost;
}

}  // namespace tapeloop::kinds
