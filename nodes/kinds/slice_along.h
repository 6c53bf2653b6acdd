// y(p) = x(start + p), start + p < stop; negative ones count from the end of the run        see remap
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(slice_along) {
  kind.doc = "Some positions of an axis. Users write slice(x, start, stop, along=AXIS).";
  kind.role = Role::kSugar;
  kind.operands = {"x"};
  kind.options = {option("start", OptionSpec::Type::kInteger, 0.0, "first position, from 0; negative: from the end"),
                  option("stop", OptionSpec::Type::kInteger, 0.0, "the position after the last; left out: to the end")};
}

}  // namespace tapeloop::kinds
