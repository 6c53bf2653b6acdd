// y = -log softmax(logits)[token]        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(cross_entropy) {
  kind.role = Role::kComposite;
  kind.doc = "Cross-entropy of one of n classes given by logits [n]: minus the log-probability of the token, an int.";
  kind.usage = "cross_entropy(logits, token)";
  kind.operands = {"logits", "token"};
  kind.equation = "-pick(log_softmax(logits), token)";
  kind.examples = {example({{5}, {}}, {}, {0, 5}), example({{17}, {}}, {}, {0, 17})};
}

}  // namespace tapeloop::kinds
