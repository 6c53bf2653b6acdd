// y = sqrt x        dx += dy / (2 y)
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(sqrt, 1) { return Sqrt(x0); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(sqrt) {
  kind.doc = "Square root; NaN below 0.";
  kind.usage = "sqrt(x)";
  kind.operands = {"x"};
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.dy() / (2.0 * d.y())); };
  kind.cost = element_cost<4>;
  kind.cheap = true;
  kind.examples = point_examples(1, 0.2, 4);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
