// y = log x        dx += dy / x
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(log, 1) { return Log(x0); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(log) {
  kind.doc = "Natural logarithm; of 0 it is -inf, below it NaN.";
  kind.usage = "log(x)";
  kind.operands = {"x"};
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.dy() / d.x(0)); };
  kind.cost = element_cost<16>;
  kind.examples = point_examples(1, 0.2, 4);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
