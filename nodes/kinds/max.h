// y = the largest of a, b, ..; with along= over an axis (max_along) or the shape (max_shape); of equals the first
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(max) {
  kind.doc = "Largest of the operands, or of one over an axis or its shape.";
  kind.usage = "max(x, ..., along=AXIS|shape)";
  kind.role = Role::kSugar;
  kind.operands = {"x"};
  kind.variadic = true;
}

}  // namespace tapeloop::kinds
