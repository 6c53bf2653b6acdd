// y = the size of x's last dimension, 1 of a scalar        no cotangent passes
#include "nodes/kind_file.h"
#include "nodes/reductions.h"

namespace tapeloop::kinds {

struct LastSize {
  static LocalParams prepare(const LocalShapes& shapes, const Attributes&) {
    LocalParams params;
    params.numbers = {rows_of(shapes.operands[0]).width};
    return params;
  }
  template <class T>
  static void kernel(const LocalCall<T>& call) {
    std::fill(call.out, call.out + call.points, static_cast<T>(call.params[0]));
  }
  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const auto& x = call.shapes->operands[0];
    call.out[0] = x.empty() ? 1.0 : static_cast<double>(x.back());
  }
};

TAPELOOP_KIND(last_size) {
  kind.doc = "How large the last dimension of x is.";
  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.infer = [](InferContext& c) { c.type = Type::kInt; };
  kind.differentiable = false;
  kind.of_shapes = true;
  kind.local = local_kernel<LastSize>();
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = reduction_examples();
}

}  // namespace tapeloop::kinds
