// y[.., start + j] = x[.., j], the rest 0        dx += the part of dy from start on
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

struct PadLast {
  static void infer(InferContext& c) {
    c.shape = c.shapes[0];
    if (c.shape.empty()) return c.fail("pad_last: expected a vector or a matrix, found a scalar");
    const AttributeValue* width = find_attribute(c.attributes, "width");
    if (width) c.shape.back() = Dim(static_cast<std::int64_t>(c.number("width")));
    c.type = type_of_all(c);
  }

  // numbers: rows, width of x, width of y, start
  static LocalParams prepare(const LocalShapes& shapes, const Attributes& attributes) {
    const Rows x = rows_of(shapes.operands[0]);
    LocalParams params;
    params.numbers = {x.count, x.width, rows_of(shapes.result).width, std::llround(number_of(attributes, "start", 0))};
    return params;
  }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const std::int64_t rows = call.params[0];
    const std::int64_t from = call.params[1];
    const std::int64_t to = call.params[2];
    for (std::int64_t point = 0; point < call.points; ++point) {
      const T* in = call.in[0] + point * call.in_stride[0];
      T* out = call.out + point * rows * to;
      std::fill(out, out + rows * to, T(0));
      for (std::int64_t row = 0; row < rows; ++row) std::copy(in + row * from, in + (row + 1) * from, out + row * to + call.params[3]);
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const auto start = static_cast<std::int64_t>(number_of(*call.attributes, "start", 0));
    const std::int64_t width = call.shapes->result.back();
    const std::int64_t part = call.shapes->operands[0].back();
    for (std::int64_t i = 0; i < elements_of(call.shapes->result); ++i) {
      const std::int64_t column = i % width - start;
      call.out[i] = column >= 0 && column < part ? call.in[0][i / width * part + column] : S(0);
    }
  }

  static void adjoint(AdjointBuilder& d) {
    const Node node = d.node();
    const Shape shape = d.x(0).shape();
    Attributes attributes = {{"start", *find_attribute(node.attributes, "start")}};
    if (const double* start = std::get_if<double>(&attributes[0].second); start && shape.back().is_number()) {
      attributes.emplace_back("stop", *start + static_cast<double>(shape.back().number()));
    }
    d.add(0, d.builder().shaped("slice", {d.dy()}, d.dy().space(), shape, std::move(attributes)));
  }
};

TAPELOOP_KIND(pad_last) {
  kind.doc = "x between zeros on the last dimension: the transpose of slice and split.";
  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.options = {option("start", OptionSpec::Type::kInteger, "where x begins"),
                  option("width", OptionSpec::Type::kInteger, "size of the last dimension of the result")};
  kind.infer = &PadLast::infer;
  kind.adjoint = &PadLast::adjoint;
  kind.local = local_kernel<PadLast>();
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = {example({{3}}, {{"start", 1.0}, {"width", 5.0}}), example({{3}}, {{"start", 0.0}, {"width", 3.0}}),
                   example({{2, 3}}, {{"start", 2.0}, {"width", 5.0}})};
}

}  // namespace tapeloop::kinds
