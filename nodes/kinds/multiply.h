// y = a b        da += dy b, db += dy a
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(multiply, 2) { return x0 * x1; }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(multiply) {
  kind.symbol = "*";
  kind.doc = "Product, element by element.";
  kind.usage = "a * b";
  kind.operands = {"a", "b"};
  kind.keeps_type = true;
  kind.adjoint = [](AdjointBuilder& d) {
    if (d.wants(0)) d.add(0, d.dy() * d.x(1));
    if (d.wants(1)) d.add(1, d.dy() * d.x(0));
  };
  kind.cheap = true;
  kind.arithmetic = Arithmetic::kProduct;
  kind.examples = point_examples(2);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
