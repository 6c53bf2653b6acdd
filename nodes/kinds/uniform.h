// y = low + (high - low) u, u uniform in [0, 1), of x's shape at x's points        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(uniform) {
  kind.role = Role::kComposite;
  kind.doc =
      "Random numbers in [low, high) of x's shape; a new one at each position, or one for each run of x's innermost axis (per=sequence).";
  kind.usage = "uniform(x, low, high, per=step|sequence)";
  kind.operands = {"x"};
  kind.options = {option("low", OptionSpec::Type::kNumber, 0.0, "smallest"), option("high", OptionSpec::Type::kNumber, 1.0, "not reached"),
                  per_option()};
  kind.equation = "low + (high - low) * draw_uniform(x, per=per)";
  kind.examples = {example({{5}}), example({{3, 4}}, {{"high", 2.0}, {"low", -1.0}})};
}

}  // namespace tapeloop::kinds
