// y[..] = the first j where x[.., j] is smallest        no cotangent passes
#include "nodes/kind_file.h"
#include "nodes/reductions.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(argmin) {
  kind.doc =
      "Position of the smallest element of the last dimension, from 0; of equals the first. With along=AXIS or along=shape over these.";
  kind.usage = "argmin(x)";
  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.infer = [](InferContext& c) {
    infer_without_last(c);
    c.type = Type::kInt;
  };
  kind.differentiable = false;
  kind.local = local_kernel<Reduce<Position<false>>>();
  kind.cost = reduction_cost;
  kind.cheap = true;
  kind.examples = reduction_examples();
}

}  // namespace tapeloop::kinds
