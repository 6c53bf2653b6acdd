// y = log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)        dx += dy sigmoid(x)
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(softplus, 1) { return Select(Less(x0, T(0)), T(0), x0) + Log1p(ExpDown(-Abs(x0))); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(softplus) {
  kind.doc = "Smooth rectifier, log(1 + exp(x)).";
  kind.usage = "softplus(x)";
  kind.operands = {"x"};
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.dy() * d.call("sigmoid", {d.x(0)})); };
  kind.cost = element_cost<30>;
  kind.examples = point_examples(1, -4, 4);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
