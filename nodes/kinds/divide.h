// y = a / b        da += dy / b, db -= dy y / b
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(divide, 2) { return x0 / x1; }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(divide) {
  kind.symbol = "/";
  kind.doc = "Quotient, element by element; of two ints too it is a float.";
  kind.usage = "a / b";
  kind.operands = {"a", "b"};
  kind.adjoint = [](AdjointBuilder& d) {
    if (d.wants(0)) d.add(0, d.dy() / d.x(1));
    if (d.wants(1)) d.add(1, -(d.dy() * d.y() / d.x(1)));
  };
  kind.cheap = true;
  kind.examples = point_examples(2, 0.5, 3);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
