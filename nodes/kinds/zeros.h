// y = 0 in every element
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(zeros) {
  kind.doc = "Zeros of a shape.";
  kind.role = Role::kZeros;
  kind.differentiable = false;
  kind.cost = no_cost;
}

}  // namespace tapeloop::kinds
