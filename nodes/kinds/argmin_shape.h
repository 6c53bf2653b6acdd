// y = the first element, counted row by row, where x is smallest        no cotangent passes
#include "nodes/kind_file.h"
#include "nodes/reductions.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(argmin_shape) {
  kind.doc = "Position of the smallest element, counted row by row from 0; of equals the first. Users write argmin(x, along=shape).";

  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.infer = [](InferContext& c) {
    infer_reduced_shape(c);
    c.type = Type::kInt;
  };
  kind.differentiable = false;
  kind.local = local_kernel<Reduce<Position<false>>>();
  kind.cost = reduction_cost;
  kind.cheap = true;
  kind.examples = reduction_examples();
}

}  // namespace tapeloop::kinds
