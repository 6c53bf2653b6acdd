// y = a if a >= b, else b        da += dy where a >= b, db += dy elsewhere
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(maximum, 2) { return Select(LessEqual(x1, x0), x0, x1); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(maximum) {
  kind.doc = "The larger of two, element by element; of equals the first, its gradient too. Users write max(a, b, ...).";
  kind.usage = "maximum(a, b)";
  kind.operands = {"a", "b"};
  kind.keeps_type = true;
  kind.adjoint = [](AdjointBuilder& d) {
    const Term first = d.call("greater_equal", {d.x(0), d.x(1)});
    const Term zero = d.builder().constant(0);
    if (d.wants(0)) d.add(0, d.call("where", {first, d.dy(), zero}));
    if (d.wants(1)) d.add(1, d.call("where", {first, zero, d.dy()}));
  };
  kind.cheap = true;
  kind.examples = point_examples(2);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
