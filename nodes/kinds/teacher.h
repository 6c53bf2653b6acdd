// y = truth in training and evaluation, own in decoding; with a rate, in training own where u < rate, u uniform in [0, 1)
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(teacher) {
  kind.doc =
      "What the mode reads: the truth in training and evaluation, the model's own output in decoding. With rate, own in its place in "
      "training with that probability, by position or by sequence: scheduled sampling, Bengio et al. 2015, arXiv:1506.03099.";
  kind.usage = "teacher(truth, own, rate=0, per=step|sequence)";
  kind.role = Role::kSugar;
  kind.operands = {"truth", "own", "rate"};
  kind.optional_operands = 1;
  kind.options = {per_option()};
}

}  // namespace tapeloop::kinds
