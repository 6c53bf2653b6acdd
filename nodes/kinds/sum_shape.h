// y = sum of all elements of x        dx += dy in every element
#include "nodes/kind_file.h"
#include "nodes/reductions.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(sum_shape) {
  kind.doc = "Sum over the whole shape. Users write sum(x, along=shape).";

  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.infer = infer_reduced_shape;
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.dy()); };
  kind.local = local_kernel<Reduce<Sum>>();
  kind.cost = reduction_cost;
  kind.cheap = true;
  kind.examples = reduction_examples();
}

}  // namespace tapeloop::kinds
