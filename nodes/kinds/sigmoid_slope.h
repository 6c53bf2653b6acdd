// s = dy y (1 - y)        dy's += ds y (1 - y), y's += ds dy (1 - 2 y)
// What reaches the operand of y = sigmoid(x).
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(sigmoid_slope, 2) { return x0 * (x1 * (T(1) - x1)); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(sigmoid_slope) {
  kind.doc = "dy times the slope of a logistic function, by its value y.";
  kind.usage = "sigmoid_slope(dy, y)";
  kind.operands = {"dy", "y"};
  kind.adjoint = [](AdjointBuilder& d) {
    if (d.wants(0)) d.add(0, d.call("sigmoid_slope", {d.dy(), d.x(1)}));
    if (d.wants(1)) d.add(1, d.dy() * (d.x(0) * (1.0 - 2.0 * d.x(1))));
  };
  kind.cost = element_cost<3>;
  kind.cheap = true;
  kind.examples = point_examples(2);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
