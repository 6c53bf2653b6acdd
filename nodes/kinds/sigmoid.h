// y = 1 / (1 + e^-x)        dx += dy y (1 - y)
// By e^-|x|, which cannot overflow, and small y keep all their digits.
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(sigmoid, 1) {
  const T e = ExpDown(-Abs(x0));
  return Select(Less(x0, T(0)), e, T(1)) / (T(1) + e);
}

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(sigmoid) {
  kind.doc = "Logistic function.";
  kind.usage = "sigmoid(x)";
  kind.operands = {"x"};
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.call("sigmoid_slope", {d.dy(), d.y()})); };
  kind.cost = element_cost<14>;
  kind.examples = point_examples(1, -4, 4);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
