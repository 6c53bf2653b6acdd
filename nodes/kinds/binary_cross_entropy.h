// y = mean over the shape of softplus(logits) - target logits = -target log p - (1 - target) log(1 - p), p = sigmoid(logits)
// composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(binary_cross_entropy) {
  kind.role = Role::kComposite;
  kind.doc = "Cross-entropy of a probability given by its logit, mean over the shape, a scalar at each position.";
  kind.usage = "binary_cross_entropy(logits, target)";
  kind.operands = {"logits", "target"};
  kind.equation = "mean_shape(softplus(logits) - target * logits)";
  kind.examples = {example({{}, {}}), example({{5}, {5}}), example({{3, 4}, {3, 4}})};
}

}  // namespace tapeloop::kinds
