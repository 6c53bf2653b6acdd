// y = tanh x        dx += dy (1 - y^2)
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(tanh, 1) { return Tanh(x0); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(tanh) {
  kind.doc = "Hyperbolic tangent.";
  kind.usage = "tanh(x)";
  kind.operands = {"x"};
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.call("tanh_slope", {d.dy(), d.y()})); };
  kind.cost = element_cost<14>;
  kind.examples = point_examples(1, -3, 3);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
