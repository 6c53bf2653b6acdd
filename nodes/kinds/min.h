// y = the smallest of a, b, ..; with along= over an axis (min_along) or the shape (min_shape); of equals the first
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(min) {
  kind.doc = "Smallest of the operands, or of one over an axis or its shape.";
  kind.usage = "min(x, ..., along=AXIS|shape)";
  kind.role = Role::kSugar;
  kind.operands = {"x"};
  kind.variadic = true;
}

}  // namespace tapeloop::kinds
