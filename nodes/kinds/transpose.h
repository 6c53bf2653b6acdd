// y[.., j, i] = x[.., i, j]        dx[.., i, j] += dy[.., j, i]
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

struct Transpose {
  static void infer(InferContext& c) {
    c.shape = c.shapes[0];
    if (c.shape.size() < 2) return c.fail("transpose swaps the last two dimensions, found " + c.sizes.text(c.shape));
    std::swap(c.shape[c.shape.size() - 1], c.shape[c.shape.size() - 2]);
    c.type = c.types[0];
  }

  // numbers: matrices, rows of x, columns of x
  static LocalParams prepare(const LocalShapes& shapes, const Attributes&) {
    const auto& x = shapes.operands[0];
    const std::int64_t rows = x[x.size() - 2];
    LocalParams params;
    params.numbers = {rows == 0 ? 0 : rows_of(x).count / rows, rows, x.back()};
    return params;
  }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const std::int64_t rows = call.params[1];
    const std::int64_t columns = call.params[2];
    const std::int64_t size = rows * columns;
    for (std::int64_t point = 0; point < call.points; ++point) {
      for (std::int64_t matrix = 0; matrix < call.params[0]; ++matrix) {
        const T* in = call.in[0] + point * call.in_stride[0] + matrix * size;
        T* out = call.out + (point * call.params[0] + matrix) * size;
        for (std::int64_t j = 0; j < columns; ++j) {
          for (std::int64_t i = 0; i < rows; ++i) out[j * rows + i] = in[i * columns + j];
        }
      }
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const auto& y = call.shapes->result;
    const std::int64_t rows = y[y.size() - 2];
    const std::int64_t columns = y.back();
    for (std::int64_t i = 0; i < elements_of(y); ++i) {
      const std::int64_t column = i % columns;
      const std::int64_t row = i / columns % rows;
      const std::int64_t matrix = i / (rows * columns);
      call.out[i] = call.in[0][(matrix * columns + column) * rows + row];
    }
  }
};

TAPELOOP_KIND(transpose) {
  kind.doc = "The last two dimensions swapped.";
  kind.usage = "transpose(x)";
  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.infer = &Transpose::infer;
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.call("transpose", {d.dy()})); };
  kind.local = local_kernel<Transpose>();
  kind.cost = no_cost;
  kind.cheap = true;
  kind.turns_matrix = true;
  kind.examples = {example({{2, 3}}), example({{1, 4}}), example({{2, 3, 4}})};
}

}  // namespace tapeloop::kinds
