// y = x summed over what broadcasting y's shape to x's would repeat        dx += dy, repeated
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

struct SumToShape {
  static void infer(InferContext& c) {
    const AttributeValue* option = find_attribute(c.attributes, "shape");
    const auto* dims = option ? std::get_if<std::vector<double>>(option) : nullptr;
    if (!dims || dims->size() > c.shapes[0].size()) return c.fail("sum_to_shape: expected a shape with fewer dimensions");
    for (const double dim : *dims) c.shape.push_back(Dim(static_cast<std::int64_t>(dim)));
  }

  // For each dimension of x but the last: size, step in y. Then of the last. numbers: elements of y, rows of x, dimensions, these.
  static LocalParams prepare(const LocalShapes& shapes, const Attributes&) {
    const auto& x = shapes.operands[0];
    const auto& y = shapes.result;
    LocalParams params;
    params.numbers = {elements_of(y), rows_of(x).count, static_cast<std::int64_t>(x.size())};
    std::vector<std::int64_t> steps(x.size(), 0);
    std::int64_t step = 1;
    for (std::size_t k = 0; k < y.size(); ++k) {
      const std::int64_t size = y[y.size() - 1 - k];
      if (size != 1) steps[x.size() - 1 - k] = step;
      step *= size;
    }
    for (std::size_t k = 0; k < x.size(); ++k) params.numbers.insert(params.numbers.end(), {x[k], steps[k]});
    return params;
  }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const std::int64_t elements = call.params[0];
    const std::int64_t rows = call.params[1];
    const std::int64_t last = call.params[2] - 1;
    const std::int64_t* dims = call.params + 3;
    const std::int64_t width = last < 0 ? 1 : dims[2 * last];
    const std::int64_t step = last < 0 ? 0 : dims[2 * last + 1];
    for (std::int64_t point = 0; point < call.points; ++point) {
      const T* x = call.in[0] + point * call.in_stride[0];
      T* out = call.out + point * elements;
      std::fill(out, out + elements, T(0));
      for (std::int64_t row = 0; row < rows; ++row, x += width) {
        T* to = out;
        for (std::int64_t k = last - 1, left = row; k >= 0; --k) {
          to += left % dims[2 * k] * dims[2 * k + 1];
          left /= dims[2 * k];
        }
        if (step == 0) {
          *to += sum_of(x, width);
        } else {
          for (std::int64_t k = 0; k < width; ++k) to[k] += x[k];
        }
      }
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const auto& x = call.shapes->operands[0];
    const auto& y = call.shapes->result;
    for (std::int64_t i = 0; i < elements_of(y); ++i) call.out[i] = S(0);
    for (std::int64_t i = 0; i < elements_of(x); ++i) {
      std::int64_t left = i;
      std::int64_t to = 0;
      std::int64_t step = 1;
      for (std::size_t k = 0; k < y.size(); ++k) {  // from the last dimension on
        const std::int64_t position = left % x[x.size() - 1 - k];
        left /= x[x.size() - 1 - k];
        to += (y[y.size() - 1 - k] == 1 ? 0 : position) * step;
        step *= y[y.size() - 1 - k];
      }
      call.out[to] += call.in[0][i];
    }
  }
};

TAPELOOP_KIND(sum_to_shape) {
  kind.doc = "Sums away what broadcasting has repeated.";
  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.options = {option("shape", OptionSpec::Type::kNumbers, "the shape of the result")};
  kind.infer = &SumToShape::infer;
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.dy()); };
  kind.local = local_kernel<SumToShape>();
  kind.cost = [](const LocalShapes& shapes) { return Cost{static_cast<double>(elements_of(shapes.operands[0]))}; };
  kind.cheap = true;
  kind.examples = {example({{5}}, {{"shape", std::vector<double>{}}}),
                   example({{3, 4}}, {{"shape", std::vector<double>{4}}}),
                   example({{3, 4}}, {{"shape", std::vector<double>{3, 1}}}),
                   example({{3, 17}}, {{"shape", std::vector<double>{}}}),
                   example({{2, 3, 4}}, {{"shape", std::vector<double>{1, 3, 1}}}),
                   example({{2, 3, 4}}, {{"shape", std::vector<double>{2, 1, 4}}}),
                   example({{}}, {{"shape", std::vector<double>{}}})};
}

}  // namespace tapeloop::kinds
