// y[.., j] = 1 if j = i[..], else 0        no cotangent passes
// Adjoint rules also make it with i over several dimensions of y: then j counts them row by row.
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

struct OneHot {
  static void infer(InferContext& c) {
    const double n = c.number("n");
    if (c.types[0] == Type::kFloat) return c.fail("one_hot: expected an int, found a float", "floor(x) makes one");
    c.shape = c.shapes[0];
    c.shape.push_back(Dim(static_cast<std::int64_t>(n)));
  }

  // numbers: how many, elements of each
  static LocalParams prepare(const LocalShapes& shapes, const Attributes&) {
    const std::int64_t count = elements_of(shapes.operands[0]);
    LocalParams params;
    params.numbers = {count, count == 0 ? 0 : elements_of(shapes.result) / count};
    return params;
  }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const std::int64_t count = call.params[0];
    const std::int64_t size = call.params[1];
    for (std::int64_t point = 0; point < call.points; ++point) {
      const T* in = call.in[0] + point * call.in_stride[0];
      T* out = call.out + point * count * size;
      std::fill(out, out + count * size, T(0));
      for (std::int64_t k = 0; k < count; ++k) {
        const std::int64_t at = whole_below(in[k], size);
        if (at >= 0) out[k * size + at] = T(1);
      }
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const std::int64_t count = elements_of(call.shapes->result);
    const std::int64_t size = count / std::max<std::int64_t>(1, elements_of(call.shapes->operands[0]));
    for (std::int64_t k = 0; k < count; ++k) {
      call.out[k] = std::abs(real_part(call.in[0][k / size]) - static_cast<double>(k % size)) < 0.5 ? S(1) : S(0);
    }
  }
};

TAPELOOP_KIND(one_hot) {
  kind.doc = "A vector with a 1 at position i and 0 elsewhere; zeros where i is not one of the n positions.";
  kind.usage = "one_hot(i, n)";
  kind.role = Role::kLocal;
  kind.operands = {"i"};
  kind.options = {from(1, option("n", OptionSpec::Type::kInteger, "size of the vector"))};
  kind.infer = &OneHot::infer;
  kind.differentiable = false;
  kind.local = local_kernel<OneHot>();
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = {example({{}}, {{"n", 5.0}}, {5}), example({{3}}, {{"n", 4.0}}, {4}), example({{2, 3}}, {{"n", 1.0}}, {2})};
}

}  // namespace tapeloop::kinds
