// y = x weight        composite with a parameter NODE.scale.weight, 1 at first
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(scale) {
  kind.role = Role::kComposite;
  kind.doc = "x with a learned factor for each feature (of the last dimension).";
  kind.usage = "scale(x)";
  kind.operands = {"x"};
  kind.parameters = {{"weight", {"_"}, "ones"}};
  kind.equation = "x * weight";
  kind.examples = {example({{5}}), example({{3, 4}})};
}

}  // namespace tapeloop::kinds
