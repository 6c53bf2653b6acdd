// y = x above 0, else slope x        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(leaky_relu) {
  kind.role = Role::kComposite;
  kind.doc = "Rectifier that lets a part of what is below 0 through. Maas, Hannun & Ng 2013.";
  kind.usage = "leaky_relu(x, slope=0.01)";
  kind.operands = {"x"};
  kind.options = {option("slope", OptionSpec::Type::kNumber, 0.01, "below 0")};
  kind.equation = "where(x > 0, x, slope * x)";
  kind.examples = {example({{5}}), example({{3, 4}}, {{"slope", 0.25}})};
}

}  // namespace tapeloop::kinds
