// y = x - floor(x / n) n        dx += dy, dn -= dy floor(x / n)
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(mod, 2) { return Mod(x0, x1); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(mod) {
  kind.doc = "Remainder with the sign of the divisor; NaN where the divisor is 0.";
  kind.usage = "mod(x, n)";
  kind.operands = {"x", "n"};
  kind.keeps_type = true;
  kind.adjoint = [](AdjointBuilder& d) {
    d.add(0, d.dy());
    if (d.wants(1)) d.add(1, -(d.dy() * d.call("floor", {(d.x(0) - d.y()) / d.x(1) + 0.5})));
  };
  kind.cost = element_cost<20>;
  kind.examples = point_examples(2, 0.4, 5);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
