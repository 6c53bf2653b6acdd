// y = a + b        da += dy, db += dy
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(add, 2) { return x0 + x1; }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(add) {
  kind.symbol = "+";
  kind.doc = "Sum, element by element.";
  kind.usage = "a + b";
  kind.operands = {"a", "b"};
  kind.keeps_type = true;
  kind.adjoint = [](AdjointBuilder& d) {
    d.add(0, d.dy());
    d.add(1, d.dy());
  };
  kind.cheap = true;
  kind.arithmetic = Arithmetic::kSum;
  kind.examples = point_examples(2);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
