// y = what the model learns
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(parameter) {
  kind.doc = "A value that is learned.";
  kind.role = Role::kParameter;
  kind.cost = no_cost;
}

}  // namespace tapeloop::kinds
