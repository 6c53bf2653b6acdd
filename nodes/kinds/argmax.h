// y[..] = the first j where x[.., j] is largest        no cotangent passes
#include "nodes/kind_file.h"
#include "nodes/reductions.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(argmax) {
  kind.doc =
      "Position of the largest element of the last dimension, from 0; of equals the first. With along=AXIS or along=shape over these.";
  kind.usage = "argmax(x)";
  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.infer = [](InferContext& c) {
    infer_without_last(c);
    c.type = Type::kInt;
  };
  kind.differentiable = false;
  kind.local = local_kernel<Reduce<Position<true>>>();
  kind.cost = reduction_cost;
  kind.cheap = true;
  kind.examples = reduction_examples();
}

}  // namespace tapeloop::kinds
