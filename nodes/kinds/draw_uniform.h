// y = a number in [0, 1), of x's shape at x's points        no cotangent passes
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(draw_uniform) {
  kind.doc =
      "Random numbers, uniform in [0, 1), of x's shape; a new one at each position (per=step), or one for each run of x's innermost axis "
      "(per=sequence).";
  kind.usage = "draw_uniform(x, per=step|sequence)";
  kind.role = Role::kDraw;
  kind.operands = {"x"};  // only its shape and space count: inference drops it
  kind.options = {per_option()};
  kind.infer = [](InferContext& c) { c.shape = c.shapes[0]; };
  kind.differentiable = false;
}

}  // namespace tapeloop::kinds
