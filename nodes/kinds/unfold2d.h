// y[i, j, (q columns + r) in + c] = x[i stride + q - (rows - 1) / 2, j stride + r - (columns - 1) / 2, c], 0 outside      dx += fold2d(dy)
// Windows of a plane side by side: a convolution is then one matrix product.
#include "nodes/kind_file.h"
#include "nodes/planes.h"

namespace tapeloop::kinds {

struct Unfold2d {
  static void infer(InferContext& c) {
    if (!check_planes(c, c.shapes[0])) return;
    const Shape& x = c.shapes[0];
    const Shape& kernel = c.shapes[1];
    if (!c.same(x[2], kernel[2], "conv2d, channels of x and of the kernel")) return;
    const std::int64_t stride = std::llround(c.number("stride"));
    c.shape = {strided(x[0], stride), strided(x[1], stride), c.sizes.resolve(x[2]) * (kernel[0].number() * kernel[1].number())};
  }

  static LocalParams prepare(const LocalShapes& shapes, const Attributes& attributes) {
    return Planes(shapes.operands[0], shapes.operands[1], attributes).params();
  }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const Planes planes(call.params);
    const std::int64_t size = planes.high() * planes.wide() * planes.rows * planes.columns * planes.channels;
    for (std::int64_t point = 0; point < call.points; ++point) {
      const T* x = call.in[0] + point * call.in_stride[0];
      T* out = call.out + point * size;
      planes.each_tap([&](std::int64_t at, std::int64_t from) {
        if (from < 0) {
          std::fill_n(out + at, planes.channels, T(0));
        } else {
          std::copy_n(x + from, planes.channels, out + at);
        }
      });
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const std::vector<std::int64_t>& x = call.shapes->operands[0];
    const std::vector<std::int64_t>& kernel = call.shapes->operands[1];
    const std::vector<std::int64_t>& y = call.shapes->result;
    const std::int64_t stride = std::llround(number_of(*call.attributes, "stride", 1));
    for (std::int64_t k = 0; k < elements_of(y); ++k) {
      const std::int64_t channel = k % x[2], r = k / x[2] % kernel[1], q = k / x[2] / kernel[1] % kernel[0];
      const std::int64_t i = k / y[2] / y[1] * stride + q - (kernel[0] - 1) / 2;
      const std::int64_t j = k / y[2] % y[1] * stride + r - (kernel[1] - 1) / 2;
      const bool inside = i >= 0 && i < x[0] && j >= 0 && j < x[1];
      call.out[k] = inside ? call.in[0][(i * x[1] + j) * x[2] + channel] : S(0);
    }
  }

  static void adjoint(AdjointBuilder& d) {
    if (!d.wants(0)) return;
    const Sizes& sizes = d.builder().graph().sizes;
    const Shape shape = d.x(0).shape();
    Attributes attributes = {{"height", size_option(sizes, shape[0])},
                             {"stride", *find_attribute(d.node().attributes, "stride")},
                             {"width", size_option(sizes, shape[1])}};
    d.add(0, d.builder().shaped("fold2d", {d.dy(), d.x(1)}, d.dy().space(), shape, std::move(attributes)));
  }
};

TAPELOOP_KIND(unfold2d) {
  kind.doc = "Windows of a plane around each position, as large as a convolution's kernel.";
  kind.role = Role::kLocal;
  kind.operands = {"x", "kernel"};
  kind.options = {option("stride", OptionSpec::Type::kInteger, 1.0, "positions from window to window, both ways")};
  kind.infer = &Unfold2d::infer;
  kind.adjoint = &Unfold2d::adjoint;
  kind.local = local_kernel<Unfold2d>();
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = {example({{4, 5, 2}, {3, 3, 2, 4}}, {{"stride", 1.0}}), example({{5, 4, 1}, {2, 3, 1, 2}}, {{"stride", 2.0}})};
}

}  // namespace tapeloop::kinds
