// y[.., 0] = max_j x[.., j]        dx[.., j] += dy[.., 0] at the first j that is the largest, else 0
#include "nodes/kind_file.h"
#include "nodes/reductions.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(max_last) {
  kind.doc = "The largest element of the last dimension, which stays as 1.";

  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.infer = infer_last_as_one;
  kind.adjoint = [](AdjointBuilder& d) { add_at_position(d, "argmax"); };
  kind.local = local_kernel<Reduce<Extreme<true>>>();
  kind.cost = reduction_cost;
  kind.cheap = true;
  kind.examples = reduction_examples();
}

}  // namespace tapeloop::kinds
