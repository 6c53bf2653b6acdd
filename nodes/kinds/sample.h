// y = argmax(logits / temperature + g), g = -log(-log(u)), u uniform in [0, 1): drawn by softmax(logits / temperature)   composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(sample) {
  kind.role = Role::kComposite;
  kind.doc = "A class drawn by its logits: the largest after noise of a Gumbel distribution is added (Gumbel 1954; Maddison et al. 2014).";
  kind.usage = "sample(logits, temperature=1, per=step|sequence)";
  kind.operands = {"logits"};
  kind.options = {option("temperature", OptionSpec::Type::kNumber, 1.0, "below 1 the likeliest more often, above 1 less"), per_option()};
  kind.equation = "argmax_shape(logits / temperature - log(-log(draw_uniform(logits, per=per))))";
  kind.examples = {example({{5}}), example({{7}}, {{"temperature", 0.5}})};
}

}  // namespace tapeloop::kinds
