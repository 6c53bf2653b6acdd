// y = x^n        dx += dy n x^(n-1), dn += dy y log x; at x = 0 both are 0 where the formula has 0 times infinity
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(power, 2) { return Power(x0, x1); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(power) {
  kind.symbol = "**";
  kind.doc = "Power, element by element; NaN for a negative number to a power that is not whole.";
  kind.usage = "x ** n";
  kind.operands = {"x", "n"};
  kind.adjoint = [](AdjointBuilder& d) {
    const Term x = d.x(0);
    const Term n = d.x(1);
    const Term x_is_zero = d.call("equal", {x, d.builder().constant(0)});
    if (d.wants(0)) {
      const Term both_are_zero = x_is_zero * d.call("equal", {n, d.builder().constant(0)});
      d.add(0, d.dy() * n * d.call("power", {x, n - 1.0 + both_are_zero}));
    }
    if (d.wants(1)) d.add(1, d.dy() * d.y() * d.call("log", {d.call("where", {x_is_zero, d.builder().constant(1), x})}));
  };
  kind.cost = element_cost<40>;
  kind.examples = point_examples(2, 0.3, 2.5);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
