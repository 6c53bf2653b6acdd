// y = the operands side by side along the last dimension        dx_k += the part of dy that is x_k's
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

struct Concat {
  static void infer(InferContext& c) {
    for (std::size_t k = 0; k < c.shapes.size(); ++k) {
      if (c.shapes[k].empty())
        return c.fail("concat joins vectors, operand " + std::to_string(k + 1) + " is a scalar", "reshape(x, shape=[1])");
      if (c.shapes[k].size() != c.shapes[0].size()) {
        return c.fail("concat: operands with as many dimensions, found " + c.sizes.text(c.shapes[0]) + " and " + c.sizes.text(c.shapes[k]));
      }
      for (std::size_t j = 0; j + 1 < c.shapes[k].size(); ++j) {
        if (!c.same(c.shapes[0][j], c.shapes[k][j], "concat, dimension " + std::to_string(j + 1))) return;
      }
    }
    c.shape = c.shapes[0];
    for (std::size_t k = 1; k < c.shapes.size(); ++k) c.shape.back() = c.shape.back() + c.shapes[k].back();
    c.type = type_of_all(c);
  }

  // numbers: operands, rows, width of the result, width of each operand
  static LocalParams prepare(const LocalShapes& shapes, const Attributes&) {
    const Rows result = rows_of(shapes.result);
    LocalParams params;
    params.numbers = {static_cast<std::int64_t>(shapes.operands.size()), result.count, result.width};
    for (const auto& operand : shapes.operands) params.numbers.push_back(rows_of(operand).width);
    return params;
  }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const std::int64_t operands = call.params[0];
    const std::int64_t rows = call.params[1];
    const std::int64_t width = call.params[2];
    for (std::int64_t point = 0; point < call.points; ++point) {
      T* out = call.out + point * rows * width;
      for (std::int64_t k = 0; k < operands; ++k) {
        const std::int64_t part = call.params[3 + k];
        const T* in = call.in[k] + point * call.in_stride[k];
        for (std::int64_t row = 0; row < rows; ++row) std::copy(in + row * part, in + (row + 1) * part, out + row * width);
        out += part;
      }
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const std::int64_t width = call.shapes->result.back();
    const std::int64_t count = elements_of(call.shapes->result);
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t column = i % width;
      std::size_t k = 0;
      while (column >= call.shapes->operands[k].back()) column -= call.shapes->operands[k++].back();
      call.out[i] = call.in[k][i / width * call.shapes->operands[k].back() + column];
    }
  }

  static void adjoint(AdjointBuilder& d) {
    const Sizes& sizes = d.builder().graph().sizes;
    Dim start = 0;
    for (std::size_t k = 0; k < d.operands(); ++k) {
      const Shape shape = d.x(k).shape();
      const Dim stop = start + shape.back();
      if (d.wants(k)) {
        d.add(k, d.builder().shaped("slice", {d.dy()}, d.dy().space(), shape,
                                    {{"start", size_option(sizes, start)}, {"stop", size_option(sizes, stop)}}));
      }
      start = stop;
    }
  }
};

TAPELOOP_KIND(concat) {
  kind.doc = "Operands side by side along the last dimension.";
  kind.usage = "concat(a, b, ...)";
  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.variadic = true;
  kind.infer = &Concat::infer;
  kind.adjoint = &Concat::adjoint;
  kind.local = local_kernel<Concat>();
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = {example({{3}, {5}}), example({{4}}), example({{2, 3}, {2, 1}, {2, 4}}), example({{2, 2, 3}, {2, 2, 2}})};
}

}  // namespace tapeloop::kinds
