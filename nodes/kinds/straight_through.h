// y = hard        dsoft += dy: a stated rule, not the derivative
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(straight_through, 2) { return x0; }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(straight_through) {
  kind.doc =
      "The first operand, such as a step or a choice, which passes its cotangent to the second one. Bengio, Leonard & Courville 2013, "
      "arXiv:1308.3432.";
  kind.usage = "straight_through(hard, soft)";
  kind.operands = {"hard", "soft"};
  kind.adjoint = [](AdjointBuilder& d) {
    if (d.wants(1)) d.add(1, d.dy());
  };
  kind.cheap = true;
  kind.examples = point_examples(2);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
