// y[(q columns + r) in + c, o] = kernel[q, r, c, o]        dkernel += dy under the kernel's shape
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(kernel_matrix2d) {
  kind.doc = "A convolution's kernel [rows, columns, channels, out] as a matrix [rows columns channels, out].";
  kind.role = Role::kAlias;
  kind.operands = {"kernel"};
  kind.infer = [](InferContext& c) {
    const Shape& kernel = c.shapes[0];
    if (kernel.size() != 4 || !kernel[0].is_number() || !kernel[1].is_number()) {
      return c.fail("conv2d: expected a kernel [rows, columns, channels, out] of known rows and columns");
    }
    c.shape = {kernel[2] * (kernel[0].number() * kernel[1].number()), kernel[3]};
  };
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, reshaped(d, d.dy(), d.x(0).shape())); };
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = {example({{3, 3, 2, 4}}), example({{1, 1, 1, 1}}), example({{2, 3, 3, 2}})};
}

}  // namespace tapeloop::kinds
