// y[i, j] = a[i] b[j]        da += dy b, db += a dy
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

struct Outer {
  static void infer(InferContext& c) {
    if (c.shapes[0].size() != 1 || c.shapes[1].size() != 1) {
      return c.fail("outer: expected two vectors, found " + c.sizes.text(c.shapes[0]) + " and " + c.sizes.text(c.shapes[1]));
    }
    c.shape = {c.shapes[0][0], c.shapes[1][0]};
  }

  // numbers: rows, columns
  static LocalParams prepare(const LocalShapes& shapes, const Attributes&) {
    LocalParams params;
    params.numbers = {shapes.result[0], shapes.result[1]};
    return params;
  }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const std::int64_t rows = call.params[0];
    const std::int64_t columns = call.params[1];
    for (std::int64_t point = 0; point < call.points; ++point) {
      const T* a = call.in[0] + point * call.in_stride[0];
      const T* b = call.in[1] + point * call.in_stride[1];
      T* out = call.out + point * rows * columns;
      for (std::int64_t i = 0; i < rows; ++i, out += columns) {
        for (std::int64_t j = 0; j < columns; ++j) out[j] = a[i] * b[j];
      }
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const std::int64_t columns = call.shapes->operands[1][0];
    for (std::int64_t k = 0; k < elements_of(call.shapes->result); ++k) call.out[k] = call.in[0][k / columns] * call.in[1][k % columns];
  }
};

TAPELOOP_KIND(outer) {
  kind.doc = "Outer product of two vectors.";
  kind.usage = "outer(a, b)";
  kind.role = Role::kLocal;
  kind.operands = {"a", "b"};
  kind.infer = &Outer::infer;
  kind.adjoint = [](AdjointBuilder& d) {
    if (d.wants(0)) d.add(0, d.call("matmul", {d.dy(), d.x(1)}));
    if (d.wants(1)) d.add(1, d.call("matmul", {d.x(0), d.dy()}));
  };
  kind.local = local_kernel<Outer>();
  kind.cheap = true;
  kind.examples = {example({{3}, {4}}), example({{1}, {5}}), example({{9}, {17}})};
}

}  // namespace tapeloop::kinds
