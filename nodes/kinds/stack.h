// y[k] = operand k        dx_k += dy[k]
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

struct Stack {
  static void infer(InferContext& c) {
    for (std::size_t k = 1; k < c.shapes.size(); ++k) {
      if (c.shapes[k].size() != c.shapes[0].size()) {
        return c.fail("stack: operands of one shape, found " + c.sizes.text(c.shapes[0]) + " and " + c.sizes.text(c.shapes[k]));
      }
      for (std::size_t j = 0; j < c.shapes[k].size(); ++j) {
        if (!c.same(c.shapes[0][j], c.shapes[k][j], "stack, dimension " + std::to_string(j + 1))) return;
      }
    }
    c.shape = c.shapes[0];
    c.shape.insert(c.shape.begin(), Dim(static_cast<std::int64_t>(c.shapes.size())));
    c.type = type_of_all(c);
  }

  // numbers: operands, elements of each
  static LocalParams prepare(const LocalShapes& shapes, const Attributes&) {
    LocalParams params;
    const auto operands = static_cast<std::int64_t>(shapes.operands.size());
    params.numbers = {operands, elements_of(shapes.result) / operands};
    return params;
  }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const std::int64_t operands = call.params[0];
    const std::int64_t each = call.params[1];
    for (std::int64_t point = 0; point < call.points; ++point) {
      T* out = call.out + point * operands * each;
      for (std::int64_t k = 0; k < operands; ++k) out = std::copy_n(call.in[k] + point * call.in_stride[k], each, out);
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const std::int64_t count = elements_of(call.shapes->result);
    const std::int64_t each = count / static_cast<std::int64_t>(call.in.size());
    for (std::int64_t i = 0; i < count; ++i) call.out[i] = call.in[static_cast<std::size_t>(i / each)][i % each];
  }

  static void adjoint(AdjointBuilder& d) {
    for (std::size_t k = 0; k < d.operands(); ++k) {
      if (d.wants(k)) d.add(k, d.call("unstack", {d.dy()}, {{"k", static_cast<double>(k)}}));
    }
  }
};

TAPELOOP_KIND(stack) {
  kind.doc = "Operands of one shape in a new first dimension.";
  kind.usage = "stack(a, b, ...)";
  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.variadic = true;
  kind.infer = &Stack::infer;
  kind.adjoint = &Stack::adjoint;
  kind.local = local_kernel<Stack>();
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = {example({{3}, {3}}), example({{}, {}, {}}), example({{2, 3}, {2, 3}}), example({{4}})};
}

}  // namespace tapeloop::kinds
