// y[i, j, o] = sum_{q, r, c} x[i stride + q - (rows - 1) / 2, j stride + r - (columns - 1) / 2, c] kernel[q, r, c, o], 0 outside x
// composite: one matrix product of windows
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(conv2d) {
  kind.doc =
      "Cross-correlation of x [height, width, channels] with a kernel [rows, columns, channels, out], padded with 0 to the same size.";
  kind.usage = "conv2d(x, kernel, stride=1)";
  kind.role = Role::kComposite;
  kind.operands = {"x", "kernel"};
  kind.options = {option("stride", OptionSpec::Type::kInteger, 1.0, "positions from window to window, both ways")};
  kind.equation = "unfold2d(x, kernel, stride=stride) @ kernel_matrix(kernel)";
  kind.examples = {example({{4, 5, 2}, {3, 3, 2, 4}}), example({{5, 4, 1}, {2, 3, 1, 2}}, {{"stride", 2.0}})};
}

}  // namespace tapeloop::kinds
