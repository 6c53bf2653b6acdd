// y = x at the end of the run along an axis, its start value if the run is empty        a move
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(last) {
  kind.doc = "The value at the end of an axis; of an empty run its start.";
  kind.usage = "last(x, along=AXIS)";
  kind.role = Role::kSugar;
  kind.operands = {"x"};
}

}  // namespace tapeloop::kinds
