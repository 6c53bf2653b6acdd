// y = high if x > high, low if x < low, else x (NaN stays)        dx += dy within the bounds, dlow below, dhigh above them
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(clip, 3) { return Select(Less(x2, x0), x2, Select(Less(x0, x1), x1, x0)); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(clip) {
  kind.doc = "x held between two bounds.";
  kind.usage = "clip(x, low, high)";
  kind.operands = {"x", "low", "high"};
  kind.keeps_type = true;
  kind.adjoint = [](AdjointBuilder& d) {
    const Term zero = d.builder().constant(0);
    const Term above = d.call("greater", {d.x(0), d.x(2)});
    const Term below = d.call("less", {d.x(0), d.x(1)});
    if (d.wants(0)) d.add(0, d.call("where", {above, zero, d.call("where", {below, zero, d.dy()})}));
    if (d.wants(1)) d.add(1, d.call("where", {above, zero, d.call("where", {below, d.dy(), zero})}));
    if (d.wants(2)) d.add(2, d.call("where", {above, d.dy(), zero}));
  };
  kind.cost = element_cost<2>;
  kind.cheap = true;
  kind.examples = point_examples(3);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
