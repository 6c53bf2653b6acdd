// y = mean + deviation z, z standard normal, of x's shape at x's points        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(normal) {
  kind.role = Role::kComposite;
  kind.doc = "Normal random numbers of x's shape; a new one at each position, or one for each run of x's innermost axis (per=sequence).";
  kind.usage = "normal(x, mean, deviation, per=step|sequence)";
  kind.operands = {"x"};
  kind.options = {option("mean", OptionSpec::Type::kNumber, 0.0, "mean"),
                  from(0, option("deviation", OptionSpec::Type::kNumber, 1.0, "standard deviation")), per_option()};
  kind.equation = "mean + deviation * draw_normal(x, per=per)";
  kind.examples = {example({{5}}), example({{3, 4}}, {{"deviation", 0.1}, {"mean", 1.0}})};
}

}  // namespace tapeloop::kinds
