// y = log sigmoid(x) = min(x, 0) - log(1 + e^-|x|)        dx += dy sigmoid(-x)
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(log_sigmoid, 1) { return Select(Less(x0, T(0)), x0, T(0)) - Log1p(ExpDown(-Abs(x0))); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(log_sigmoid) {
  kind.doc = "Logarithm of the logistic function, without underflow.";
  kind.usage = "log_sigmoid(x)";
  kind.operands = {"x"};
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.dy() * d.call("sigmoid", {-d.x(0)})); };
  kind.cost = element_cost<30>;
  kind.examples = point_examples(1, -4, 4);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
