// y(q) = x(q / times), rounded down; zeros past the end        see remap
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(upsample) {
  kind.doc = "Each position several times, on an axis that is as many times as long, or on another one.";
  kind.usage = "upsample(x, times, to=AXIS, along=AXIS)";
  kind.role = Role::kSugar;
  kind.operands = {"x"};
  kind.options = {option("times", OptionSpec::Type::kInteger, "how many times")};
}

}  // namespace tapeloop::kinds
