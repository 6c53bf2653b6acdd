// s = dy (1 - y^2)        dy's += ds (1 - y^2), y's -= 2 ds dy y
// What reaches the operand of y = tanh(x).
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(tanh_slope, 2) { return x0 * (T(1) - x1 * x1); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(tanh_slope) {
  kind.doc = "dy times the slope of a hyperbolic tangent, by its value y.";
  kind.usage = "tanh_slope(dy, y)";
  kind.operands = {"dy", "y"};
  kind.adjoint = [](AdjointBuilder& d) {
    if (d.wants(0)) d.add(0, d.call("tanh_slope", {d.dy(), d.x(1)}));
    if (d.wants(1)) d.add(1, -(d.dy() * (d.x(0) * (2.0 * d.x(1)))));
  };
  kind.cost = element_cost<3>;
  kind.cheap = true;
  kind.examples = point_examples(2);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
