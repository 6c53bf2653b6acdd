// y = x[k]        dx[k] += dy, zeros elsewhere
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

struct Unstack {
  static void infer(InferContext& c) {
    if (c.shapes[0].empty()) return c.fail("unstack takes a part of the first dimension, found a scalar");
    const double k = c.number("k");
    const Dim size = c.shapes[0].front();
    if (!size.is_number()) return c.fail("unstack: expected a first dimension of known size, found " + c.sizes.text(size));
    if (k < 0 || k >= static_cast<double>(size.number())) {
      return c.fail("unstack: expected 0 <= k < " + c.sizes.text(size) + ", found k=" + std::to_string(std::llround(k)));
    }
    c.shape.assign(c.shapes[0].begin() + 1, c.shapes[0].end());
    c.type = type_of_all(c);
  }

  // numbers: elements of the result, where they begin
  static LocalParams prepare(const LocalShapes& shapes, const Attributes& attributes) {
    LocalParams params;
    const std::int64_t each = elements_of(shapes.result);
    params.numbers = {each, each * std::llround(number_of(attributes, "k", 0))};
    return params;
  }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const std::int64_t each = call.params[0];
    T* out = call.out;
    for (std::int64_t point = 0; point < call.points; ++point) {
      out = std::copy_n(call.in[0] + point * call.in_stride[0] + call.params[1], each, out);
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const std::int64_t each = elements_of(call.shapes->result);
    const std::int64_t first = each * std::llround(number_of(*call.attributes, "k", 0));
    for (std::int64_t i = 0; i < each; ++i) call.out[i] = call.in[0][first + i];
  }

  static void adjoint(AdjointBuilder& d) {
    const Shape shape = d.x(0).shape();
    const Term zeros = d.builder().zeros(d.dy().shape());
    const auto place = static_cast<std::int64_t>(std::llround(number_of(d.node().attributes, "k", 0)));
    std::vector<Term> parts;
    for (std::int64_t k = 0; k < shape.front().number(); ++k) parts.push_back(k == place ? d.dy() : zeros);
    d.add(0, d.call("stack", parts));
  }
};

TAPELOOP_KIND(unstack) {
  kind.doc = "One of the first dimension.";
  kind.usage = "unstack(x, k)";
  kind.role = Role::kLocal;
  kind.operands = {"x"};
  kind.options = {option("k", OptionSpec::Type::kInteger, "which, from 0")};
  kind.infer = &Unstack::infer;
  kind.adjoint = &Unstack::adjoint;
  kind.local = local_kernel<Unstack>();
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = {example({{3}}, {{"k", 1.0}}), example({{2, 3}}, {{"k", 0.0}}), example({{2, 2, 3}}, {{"k", 1.0}})};
}

}  // namespace tapeloop::kinds
