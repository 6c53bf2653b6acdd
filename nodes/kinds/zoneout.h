// y = old where u < rate, else new, u uniform in [0, 1); outside training y = new        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(zoneout) {
  kind.role = Role::kComposite;
  kind.doc = "A new state whose elements stay as they were at random in training. Krueger et al. 2017, arXiv:1606.01305.";
  kind.usage = "zoneout(new, old, rate, per=step|sequence)";
  kind.operands = {"new", "old"};
  kind.options = {between(0, 1, option("rate", OptionSpec::Type::kNumber, "probability of an element to stay")), per_option()};
  kind.equation = "where(draw_uniform(new, per=per) < rate, old, new)";
  kind.outside_train = "new";
  kind.examples = {example({{5}, {5}}, {{"rate", 0.5}}), example({{3, 4}, {3, 4}}, {{"rate", 0.25}})};
}

}  // namespace tapeloop::kinds
