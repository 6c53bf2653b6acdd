// y = the largest element of x        dx += dy at the first element that is y, else 0
#include "nodes/kind_file.h"
#include "nodes/reductions.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(max_shape) {
  kind.doc = "The largest element of the shape; of equals the first. Users write max(x, along=shape).";

  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.infer = infer_reduced_shape;
  kind.adjoint = [](AdjointBuilder& d) { add_at_position(d, "argmax_shape"); };
  kind.local = local_kernel<Reduce<Extreme<true>>>();
  kind.cost = reduction_cost;
  kind.cheap = true;
  kind.examples = reduction_examples();
}

}  // namespace tapeloop::kinds
