// y = a number        shape [], in every space
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(constant) {
  kind.doc = "A number that is known before the run.";
  kind.role = Role::kConstant;
  kind.differentiable = false;
  kind.cost = no_cost;
}

}  // namespace tapeloop::kinds
