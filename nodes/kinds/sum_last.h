// y[.., 0] = sum_j x[.., j]        dx[.., j] += dy[.., 0]
#include "nodes/kind_file.h"
#include "nodes/reductions.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(sum_last) {
  kind.doc = "Sum over the last dimension, which stays as 1.";

  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.infer = infer_last_as_one;
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.dy()); };
  kind.local = local_kernel<Reduce<Sum>>();
  kind.cost = reduction_cost;
  kind.cheap = true;
  kind.examples = reduction_examples();
}

}  // namespace tapeloop::kinds
