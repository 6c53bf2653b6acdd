// y(p)[k] = x(p * stride + k), zeros past the end        see remap
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(window) {
  kind.doc = "The next positions of an axis side by side, in a new first dimension; zeros past the end.";
  kind.usage = "window(x, size, stride=1, along=AXIS)";
  kind.role = Role::kSugar;
  kind.operands = {"x"};
  kind.options = {option("size", OptionSpec::Type::kInteger, "positions of a window"),
                  option("stride", OptionSpec::Type::kInteger, 1.0, "positions from window to window")};
}

}  // namespace tapeloop::kinds
