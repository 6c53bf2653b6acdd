// y = x at the start of the run along an axis, its start value if the run is empty        a move
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(first) {
  kind.doc = "The value at the start of an axis; of an empty run its start.";
  kind.usage = "first(x, along=AXIS)";
  kind.role = Role::kSugar;
  kind.operands = {"x"};
}

}  // namespace tapeloop::kinds
