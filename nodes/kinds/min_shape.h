// y = the smallest element of x        dx += dy at the first element that is y, else 0
#include "nodes/kind_file.h"
#include "nodes/reductions.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(min_shape) {
  kind.doc = "The smallest element of the shape; of equals the first. Users write min(x, along=shape).";

  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.infer = infer_reduced_shape;
  kind.adjoint = [](AdjointBuilder& d) { add_at_position(d, "argmin_shape"); };
  kind.local = local_kernel<Reduce<Extreme<false>>>();
  kind.cost = reduction_cost;
  kind.cheap = true;
  kind.examples = reduction_examples();
}

}  // namespace tapeloop::kinds
