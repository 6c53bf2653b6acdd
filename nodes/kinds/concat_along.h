// y = the runs of the operands one after the other        see remap
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(concat_along) {
  kind.doc = "Runs one after the other. Users write concat(a, b, along=AXIS), or along=[t, s] where each has its own.";
  kind.role = Role::kSugar;
  kind.operands = {"x"};
  kind.variadic = true;
}

}  // namespace tapeloop::kinds
