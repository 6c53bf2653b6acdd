// y = x        dx += dy
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(copy, 1) { return x0; }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(copy) {
  kind.doc = "The same value.";
  kind.usage = "copy(x)";
  kind.operands = {"x"};
  kind.keeps_type = true;
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.dy()); };
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = point_examples(1);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
