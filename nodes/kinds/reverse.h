// y(p) = x(length - 1 - p)        see remap
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(reverse) {
  kind.doc = "Each run along an axis from its end to its start.";
  kind.usage = "reverse(x, along=AXIS)";
  kind.role = Role::kSugar;
  kind.operands = {"x"};
}

}  // namespace tapeloop::kinds
