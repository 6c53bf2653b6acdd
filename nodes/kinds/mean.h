// y = (a + b + ..) / n; with along= the mean over an axis or the shape, 0 of an empty run
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(mean) {
  kind.doc = "Mean of the operands, or of one over an axis or its shape.";
  kind.usage = "mean(x, ..., along=AXIS|shape)";
  kind.role = Role::kSugar;
  kind.operands = {"x"};
  kind.variadic = true;
}

}  // namespace tapeloop::kinds
