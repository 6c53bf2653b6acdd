// y = x / (1 - rate) where u >= rate, else 0, u uniform in [0, 1); outside training y = x        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(dropout) {
  kind.role = Role::kComposite;
  kind.doc =
      "x with elements left out at random in training, the rest made up for. Srivastava et al. 2014; per=sequence: Gal & Ghahramani 2016, "
      "arXiv:1512.05287.";
  kind.usage = "dropout(x, rate, per=step|sequence)";
  kind.operands = {"x"};
  kind.options = {below(0, 1, option("rate", OptionSpec::Type::kNumber, "probability of an element to be left out, below 1")),
                  per_option()};
  kind.equation = "where(draw_uniform(x, per=per) >= rate, x / (1 - rate), 0)";
  kind.outside_train = "x";
  kind.examples = {example({{5}}, {{"rate", 0.5}}), example({{3, 4}}, {{"rate", 0.25}})};
}

}  // namespace tapeloop::kinds
