// y[p, o] = sum_{q, c} x[p + q - (taps - 1) / 2, c] kernel[q, c, o], 0 outside x        composite: one matrix product of windows
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(conv1d) {
  kind.doc = "Cross-correlation of x [width, channels] with a kernel [taps, channels, out], padded with 0 to the same width.";
  kind.usage = "conv1d(x, kernel)";
  kind.role = Role::kComposite;
  kind.operands = {"x", "kernel"};
  kind.equation = "unfold(x, kernel) @ kernel_matrix(kernel)";
  kind.examples = {example({{5, 2}, {3, 2, 4}}), example({{4, 1}, {2, 1, 1}}), example({{2, 3}, {5, 3, 2}})};
}

}  // namespace tapeloop::kinds
