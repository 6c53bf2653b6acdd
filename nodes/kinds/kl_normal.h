// y = sum over the shape of (e^log_variance + mean^2 - 1 - log_variance) / 2        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(kl_normal) {
  kind.role = Role::kComposite;
  kind.doc =
      "Divergence of independent normal variables from standard ones, in nats, a scalar at each position. Kingma & Welling 2014, "
      "arXiv:1312.6114, appendix B.";
  kind.usage = "kl_normal(mean, log_variance)";
  kind.operands = {"mean", "log_variance"};
  kind.equation = "0.5 * sum_shape(exp(log_variance) + square(mean) - 1 - log_variance)";
  kind.examples = {example({{}, {}}), example({{5}, {5}}), example({{3, 4}, {3, 4}})};
}

}  // namespace tapeloop::kinds
