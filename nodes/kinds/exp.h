// y = e^x        dx += dy y
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(exp, 1) { return Exp(x0); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(exp) {
  kind.doc = "Exponential.";
  kind.usage = "exp(x)";
  kind.operands = {"x"};
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.dy() * d.y()); };
  kind.cost = element_cost<12>;
  kind.examples = point_examples(1);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
