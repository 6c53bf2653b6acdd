// y = slope x + offset held between 0 and 1        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(hard_sigmoid) {
  kind.role = Role::kComposite;
  kind.doc = "Straight line in place of the sigmoid; slope=1/6 is that of other frameworks. Gulcehre et al. 2016, arXiv:1603.00391.";
  kind.usage = "hard_sigmoid(x, slope=0.2, offset=0.5)";
  kind.operands = {"x"};
  kind.options = {option("slope", OptionSpec::Type::kNumber, 0.2, "around 0"), option("offset", OptionSpec::Type::kNumber, 0.5, "at 0")};
  kind.equation = "clip(slope * x + offset, 0, 1)";
  kind.examples = {example({{5}}), example({{3, 4}}, {{"slope", 0.25}})};
}

}  // namespace tapeloop::kinds
