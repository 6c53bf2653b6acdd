// y = a number with mean 0 and deviation 1, of x's shape at x's points        no cotangent passes
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(draw_normal) {
  kind.doc =
      "Random numbers, standard normal, of x's shape; a new one at each position (per=step), or one for each run of x's innermost axis "
      "(per=sequence).";
  kind.usage = "draw_normal(x, per=step|sequence)";
  kind.role = Role::kDraw;
  kind.draws_normal = true;
  kind.operands = {"x"};  // only its shape and space count: inference drops it
  kind.options = {per_option()};
  kind.infer = [](InferContext& c) { c.shape = c.shapes[0]; };
  kind.differentiable = false;
}

}  // namespace tapeloop::kinds
