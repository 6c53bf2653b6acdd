// y = a + b + ..; with along= the sum over an axis (sum_to) or the shape (sum_shape)
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(sum) {
  kind.doc = "Sum of the operands, or of one over an axis or its shape.";
  kind.usage = "sum(x, ..., along=AXIS|shape)";
  kind.role = Role::kSugar;
  kind.operands = {"x"};
  kind.variadic = true;
}

}  // namespace tapeloop::kinds
