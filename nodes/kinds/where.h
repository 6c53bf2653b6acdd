// y = p if c is not 0, else q        dp += dy where c, dq += dy elsewhere
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(where, 3) { return Select(Equal(x0, T(0)), x2, x1); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(where) {
  kind.doc = "p where c holds, else q; where(a, p, b, q, r) is p if a, else q if b, else r.";
  kind.usage = "where(c, p, q)";
  kind.operands = {"c", "p", "q"};
  kind.keeps_type = true;
  kind.adjoint = [](AdjointBuilder& d) {
    const Term zero = d.builder().constant(0);
    if (d.wants(1)) d.add(1, d.call("where", {d.x(0), d.dy(), zero}));
    if (d.wants(2)) d.add(2, d.call("where", {d.x(0), zero, d.dy()}));
  };
  kind.cheap = true;
  kind.examples = point_examples(3);
  for (Example& example : kind.examples) example.int_below = {2, 0, 0};
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
