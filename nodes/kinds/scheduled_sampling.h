// y = own where u < rate, else truth, u uniform in [0, 1)        composite: what teacher(..., rate=) is in training
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(scheduled_sampling) {
  kind.role = Role::kComposite;
  kind.doc = "own in place of truth with a probability, one draw for each position or sequence. Bengio et al. 2015, arXiv:1506.03099.";
  kind.usage = "scheduled_sampling(truth, own, rate, per=step|sequence)";
  kind.operands = {"truth", "own", "rate"};
  kind.options = {per_option()};
  kind.equation = "where(draw_uniform(sum_shape(truth), per=per) < rate, own, truth)";
  kind.examples = {example({{5}, {5}, {}}), example({{3, 4}, {3, 4}, {}})};
}

}  // namespace tapeloop::kinds
