// y = a b ..        products two by two
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(mul) {
  kind.doc = "Product of the operands, element by element.";
  kind.usage = "mul(x, ...)";
  kind.role = Role::kSugar;
  kind.operands = {"x"};
  kind.variadic = true;
}

}  // namespace tapeloop::kinds
