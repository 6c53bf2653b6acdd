// y = what the user feeds
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(input) {
  kind.doc = "A value that is fed.";
  kind.role = Role::kInput;
  kind.cost = no_cost;
}

}  // namespace tapeloop::kinds
