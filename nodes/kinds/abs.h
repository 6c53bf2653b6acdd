// y = |x|        dx += dy sign(x)
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(abs, 1) { return Abs(x0); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(abs) {
  kind.doc = "Absolute value; its gradient at 0 is 0.";
  kind.usage = "abs(x)";
  kind.operands = {"x"};
  kind.keeps_type = true;
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.dy() * d.call("sign", {d.x(0)})); };
  kind.cheap = true;
  kind.examples = point_examples(1);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
