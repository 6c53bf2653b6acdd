// y[.. in + c, o] = kernel[.., c, o], taps of all dimensions in their order        dkernel += dy under the kernel's shape
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(kernel_matrix) {
  kind.doc = "A convolution's kernel [taps .., channels, out] as a matrix [taps channels, out].";
  kind.role = Role::kAlias;
  kind.operands = {"kernel"};
  kind.infer = [](InferContext& c) {
    const Shape& kernel = c.shapes[0];
    if (kernel.size() < 3) return c.fail("a convolution: expected a kernel [taps .., channels, out], found " + c.sizes.text(kernel));
    std::int64_t taps = 1;
    for (std::size_t k = 0; k + 2 < kernel.size(); ++k) {
      if (!kernel[k].is_number()) return c.fail("a convolution: the number of the kernel's taps must be known");
      taps *= kernel[k].number();
    }
    c.shape = {kernel[kernel.size() - 2] * taps, kernel.back()};
  };
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, reshaped(d, d.dy(), d.x(0).shape())); };
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = {example({{3, 2, 4}}), example({{1, 1, 1}}), example({{5, 3, 2}}), example({{3, 2, 2, 4}})};
}

}  // namespace tapeloop::kinds
