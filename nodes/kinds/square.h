// y = x^2        dx += 2 dy x
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(square, 1) { return x0 * x0; }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(square) {
  kind.doc = "x times x.";
  kind.usage = "square(x)";
  kind.operands = {"x"};
  kind.keeps_type = true;
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.dy() * (2.0 * d.x(0))); };
  kind.cheap = true;
  kind.examples = point_examples(1);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
