// y[q in + c, o] = kernel[q, c, o]        dkernel += dy under the kernel's shape
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(kernel_matrix) {
  kind.doc = "A convolution's kernel [taps, channels, out] as a matrix [taps channels, out].";
  kind.role = Role::kAlias;
  kind.operands = {"kernel"};
  kind.infer = [](InferContext& c) {
    const Shape& kernel = c.shapes[0];
    if (kernel.size() != 3 || !kernel[0].is_number()) return c.fail("conv1d: expected a kernel [taps, channels, out]");
    c.shape = {kernel[1] * kernel[0].number(), kernel[2]};
  };
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, reshaped(d, d.dy(), d.x(0).shape())); };
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = {example({{3, 2, 4}}), example({{1, 1, 1}}), example({{5, 3, 2}})};
}

}  // namespace tapeloop::kinds
