// y[s, c] = sum of x[p, q in + c] over p + q - (taps - 1) / 2 = s: the transpose of unfold        dx += unfold(dy)
#include "nodes/kind_file.h"
#include "nodes/windows.h"

namespace tapeloop::kinds {

struct Fold {
  static void infer(InferContext& c) {
    if (check_windows(c)) c.shape = {c.shapes[0][0], c.shapes[1][1]};
  }

  static LocalParams prepare(const LocalShapes& shapes, const Attributes&) { return window_params(shapes.result, shapes.operands[1]); }

  template <class T>
  static void kernel(const LocalCall<T>& call) {
    const Windows windows(call.params);
    const std::int64_t size = windows.width * windows.channels;
    for (std::int64_t point = 0; point < call.points; ++point) {
      const T* x = call.in[0] + point * call.in_stride[0];
      T* out = call.out + point * size;
      std::fill(out, out + size, T(0));
      for (std::int64_t p = 0; p < windows.width; ++p) {
        for (std::int64_t q = 0; q < windows.taps; ++q, x += windows.channels) {
          const std::int64_t to = windows.position(p, q);
          if (to < 0) continue;
          for (std::int64_t c = 0; c < windows.channels; ++c) out[to * windows.channels + c] += x[c];
        }
      }
    }
  }

  template <class S>
  static void reference(const ReferenceCall<S>& call) {
    const std::int64_t width = call.shapes->result[0];
    const std::int64_t channels = call.shapes->result[1];
    const std::int64_t taps = call.shapes->operands[1][0];
    for (std::int64_t k = 0; k < width * channels; ++k) {
      call.out[k] = S(0);
      for (std::int64_t q = 0; q < taps; ++q) {
        const std::int64_t p = k / channels - q + (taps - 1) / 2;
        if (p >= 0 && p < width) call.out[k] += call.in[0][(p * taps + q) * channels + k % channels];
      }
    }
  }
};

TAPELOOP_KIND(fold) {
  kind.doc = "Windows added up where they overlap: the transpose of unfold.";
  kind.role = Role::kLocal;
  kind.operands = {"x", "kernel"};
  kind.infer = &Fold::infer;
  kind.adjoint = [](AdjointBuilder& d) {
    if (d.wants(0)) d.add(0, d.call("unfold", {d.dy(), d.x(1)}));
  };
  kind.local = local_kernel<Fold>();
  kind.cheap = true;
  kind.examples = {example({{5, 6}, {3, 2, 4}}), example({{4, 2}, {2, 1, 1}}), example({{2, 15}, {5, 3, 2}})};
}

}  // namespace tapeloop::kinds
