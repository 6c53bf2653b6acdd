// y[..] = x[.., i] (of a vector i: y[.., j] = x[.., i_j]); NaN where x has no such position
//   dx += dy times a one-hot vector; of a vector i, dy @ one_hot(i)
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

struct Pick {
  static void infer(InferContext& c) {
    if (c.shapes[0].empty()) return c.fail("pick takes from the last dimension, found a scalar");
    if (c.types[1] == Type::kFloat) return c.fail("pick: expected an int position, found a float", "floor(x) makes an int");
    if (c.shapes[1].size() > 1) return c.fail("pick: expected one position or a vector of them, found " + c.sizes.text(c.shapes[1]));
    c.shape.assign(c.shapes[0].begin(), c.shapes[0].end() - 1);
    c.shape.insert(c.shape.end(), c.shapes[1].begin(), c.shapes[1].end());
    c.type = c.types[0];
  }

  // numbers: rows of x, width of x, positions
  static LocalParams prepare(const LocalShapes& shapes, const Attributes&) {
    const Rows x = rows_of(shapes.operands[0]);
    LocalParams params;
    params.numbers = {x.count, x.width, elements_of(shapes.operands[1])};
    return params;
  }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const std::int64_t rows = call.params[0];
    const std::int64_t width = call.params[1];
    const std::int64_t count = call.params[2];
    for (std::int64_t point = 0; point < call.points; ++point) {
      const T* x = call.in[0] + point * call.in_stride[0];
      const T* i = call.in[1] + point * call.in_stride[1];
      T* out = call.out + point * rows * count;
      for (std::int64_t j = 0; j < count; ++j) {
        const std::int64_t at = whole_below(i[j], width);
        for (std::int64_t row = 0; row < rows; ++row)
          out[row * count + j] = at < 0 ? std::numeric_limits<T>::quiet_NaN() : x[row * width + at];
      }
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const std::int64_t width = call.shapes->operands[0].back();
    const std::int64_t count = elements_of(call.shapes->operands[1]);
    for (std::int64_t k = 0; k < elements_of(call.shapes->result); ++k) {
      const double i = std::round(real_part(call.in[1][k % count]));
      const bool inside = i >= 0 && i < static_cast<double>(width);
      call.out[k] = inside ? call.in[0][k / count * width + static_cast<std::int64_t>(i)] : S(std::numeric_limits<double>::quiet_NaN());
    }
  }

  static void adjoint(AdjointBuilder& d) {
    if (!d.wants(0)) return;
    const Term i = d.x(1);
    const Shape shape = d.x(0).shape();
    Shape spots = i.shape();
    spots.push_back(shape.back());
    const Term spot = d.builder().shaped("one_hot", {i}, i.space(), spots, {{"n", size_option(d.builder().graph().sizes, shape.back())}});
    if (!i.shape().empty()) return d.add(0, d.call("matmul", {d.dy(), spot}));
    Shape column = d.dy().shape();
    column.push_back(Dim(1));
    d.add(0, reshaped(d, d.dy(), column) * spot);
  }
};

TAPELOOP_KIND(pick) {
  kind.doc = "The element at position i of the last dimension.";
  kind.usage = "pick(x, i)";
  kind.role = Role::kLocal;
  kind.operands = {"x", "i"};
  kind.infer = &Pick::infer;
  kind.lookup = {1, 0, true};
  kind.adjoint = &Pick::adjoint;
  kind.local = local_kernel<Pick>();
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = {example({{5}, {}}, {}, {0, 5}), example({{2, 4}, {}}, {}, {0, 4}), example({{4}, {3}}, {}, {0, 4}),
                   example({{3, 4}, {2}}, {}, {0, 4})};
}

}  // namespace tapeloop::kinds
