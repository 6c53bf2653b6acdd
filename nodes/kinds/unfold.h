// y[p, q in + c] = x[p + q - (taps - 1) / 2, c], 0 outside        dx += fold(dy)
// Windows of x side by side, as many positions as the kernel has taps: a convolution is then one matrix product.
#include "nodes/kind_file.h"
#include "nodes/windows.h"

namespace tapeloop::kinds {

struct Unfold {
  static void infer(InferContext& c) {
    if (!check_windows(c)) return;
    const Shape& x = c.shapes[0];
    const Shape& kernel = c.shapes[1];
    if (!c.same(x[1], kernel[1], "conv1d, channels of x and of the kernel")) return;
    c.shape = {x[0], c.sizes.resolve(x[1]) * kernel[0].number()};
  }

  static LocalParams prepare(const LocalShapes& shapes, const Attributes&) { return window_params(shapes.operands[0], shapes.operands[1]); }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const Windows windows(call.params);
    for (std::int64_t point = 0; point < call.points; ++point) {
      const T* x = call.in[0] + point * call.in_stride[0];
      T* out = call.out + point * windows.size();
      for (std::int64_t p = 0; p < windows.width; ++p) {
        for (std::int64_t q = 0; q < windows.taps; ++q, out += windows.channels) {
          const std::int64_t from = windows.position(p, q);
          if (from < 0) {
            std::fill(out, out + windows.channels, T(0));
          } else {
            std::copy(x + from * windows.channels, x + (from + 1) * windows.channels, out);
          }
        }
      }
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const std::int64_t width = call.shapes->operands[0][0];
    const std::int64_t channels = call.shapes->operands[0][1];
    const std::int64_t taps = call.shapes->operands[1][0];
    for (std::int64_t k = 0; k < elements_of(call.shapes->result); ++k) {
      const std::int64_t p = k / (taps * channels) + k / channels % taps - (taps - 1) / 2;
      call.out[k] = p >= 0 && p < width ? call.in[0][p * channels + k % channels] : S(0);
    }
  }
};

TAPELOOP_KIND(unfold) {
  kind.doc = "Windows of x around each position, as wide as a convolution's kernel.";
  kind.role = Role::kLocal;
  kind.operands = {"x", "kernel"};
  kind.infer = &Unfold::infer;
  kind.adjoint = [](AdjointBuilder& d) {
    if (d.wants(0)) d.add(0, d.call("fold", {d.dy(), d.x(1)}));
  };
  kind.local = local_kernel<Unfold>();
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = {example({{5, 2}, {3, 2, 4}}), example({{4, 1}, {2, 1, 1}}), example({{2, 3}, {5, 3, 2}})};
}

}  // namespace tapeloop::kinds
