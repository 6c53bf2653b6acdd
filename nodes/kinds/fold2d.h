// y[s, t, c] = sum of x's windows' entries that unfold2d reads from there: its transpose        dx += unfold2d(dy)
#include "nodes/kind_file.h"
#include "nodes/planes.h"

namespace tapeloop::kinds {

struct Fold2d {
  static void infer(InferContext& c) {
    if (c.shapes[1].size() != 4) return c.fail("fold2d: expected a kernel [rows, columns, channels, out]");
    c.shape = {Dim(std::llround(c.number("height"))), Dim(std::llround(c.number("width"))), c.shapes[1][2]};
  }

  static LocalParams prepare(const LocalShapes& shapes, const Attributes& attributes) {
    return Planes(shapes.result, shapes.operands[1], attributes).params();
  }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const Planes planes(call.params);
    for (std::int64_t point = 0; point < call.points; ++point) {
      const T* x = call.in[0] + point * call.in_stride[0];
      T* out = call.out + point * planes.elements();
      std::fill_n(out, planes.elements(), T(0));
      planes.each_tap([&](std::int64_t at, std::int64_t to) {
        if (to < 0) return;
        for (std::int64_t c = 0; c < planes.channels; ++c) out[to + c] += x[at + c];
      });
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const std::vector<std::int64_t>& y = call.shapes->result;
    const std::vector<std::int64_t>& x = call.shapes->operands[0];
    const std::vector<std::int64_t>& kernel = call.shapes->operands[1];
    const std::int64_t stride = std::llround(number_of(*call.attributes, "stride", 1));
    std::fill_n(call.out, elements_of(y), S(0));
    for (std::int64_t k = 0; k < elements_of(x); ++k) {
      const std::int64_t channel = k % y[2], r = k / y[2] % kernel[1], q = k / y[2] / kernel[1] % kernel[0];
      const std::int64_t i = k / x[2] / x[1] * stride + q - (kernel[0] - 1) / 2;
      const std::int64_t j = k / x[2] % x[1] * stride + r - (kernel[1] - 1) / 2;
      if (i >= 0 && i < y[0] && j >= 0 && j < y[1]) call.out[(i * y[1] + j) * y[2] + channel] += call.in[0][k];
    }
  }
};

TAPELOOP_KIND(fold2d) {
  kind.doc = "Windows of a plane added up where they overlap: the transpose of unfold2d.";
  kind.role = Role::kLocal;
  kind.operands = {"x", "kernel"};
  kind.options = {option("height", OptionSpec::Type::kInteger, "of the plane"), option("width", OptionSpec::Type::kInteger, "of the plane"),
                  option("stride", OptionSpec::Type::kInteger, 1.0, "positions from window to window, both ways")};
  kind.infer = &Fold2d::infer;
  kind.adjoint = [](AdjointBuilder& d) {
    if (d.wants(0)) d.add(0, d.call("unfold2d", {d.dy(), d.x(1)}, {{"stride", *find_attribute(d.node().attributes, "stride")}}));
  };
  kind.local = local_kernel<Fold2d>();
  kind.cheap = true;
  kind.examples = {example({{4, 5, 18}, {3, 3, 2, 4}}, {{"height", 4.0}, {"stride", 1.0}, {"width", 5.0}}),
                   example({{3, 2, 6}, {2, 3, 1, 2}}, {{"height", 5.0}, {"stride", 2.0}, {"width", 4.0}})};
}

}  // namespace tapeloop::kinds
