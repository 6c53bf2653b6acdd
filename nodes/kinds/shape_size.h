// y = the number of elements of x        no cotangent passes
#include "nodes/kind_file.h"
#include "nodes/reductions.h"

namespace tapeloop::kinds {

struct ShapeSize {
  static LocalParams prepare(const LocalShapes& shapes, const Attributes&) {
    LocalParams params;
    params.numbers = {elements_of(shapes.operands[0])};
    return params;
  }
  template <class T>
  static void kernel(const LocalCall<T>& call) {
    std::fill(call.out, call.out + call.points, static_cast<T>(call.params[0]));
  }
  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    double product = 1;
    for (const std::int64_t dim : call.shapes->operands[0]) product *= static_cast<double>(dim);
    call.out[0] = product;
  }
};

TAPELOOP_KIND(shape_size) {
  kind.doc = "How many elements x has.";
  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.infer = [](InferContext& c) { c.type = Type::kInt; };
  kind.differentiable = false;
  kind.of_shapes = true;
  kind.local = local_kernel<ShapeSize>();
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = reduction_examples();
}

}  // namespace tapeloop::kinds
