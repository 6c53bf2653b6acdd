// y = a - b        da += dy, db -= dy
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(subtract, 2) { return x0 - x1; }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(subtract) {
  kind.symbol = "-";
  kind.doc = "Difference, element by element.";
  kind.usage = "a - b";
  kind.operands = {"a", "b"};
  kind.keeps_type = true;
  kind.adjoint = [](AdjointBuilder& d) {
    d.add(0, d.dy());
    if (d.wants(1)) d.add(1, -d.dy());
  };
  kind.cheap = true;
  kind.arithmetic = Arithmetic::kDifference;
  kind.examples = point_examples(2);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
