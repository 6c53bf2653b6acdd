// y = x above 0, else 0        dx += dy above 0
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(relu, 1) { return Select(LessEqual(x0, T(0)), T(0), x0); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(relu) {
  kind.doc = "Rectifier; its gradient at 0 is 0.";
  kind.usage = "relu(x)";
  kind.operands = {"x"};
  kind.keeps_type = true;
  kind.adjoint = [](AdjointBuilder& d) {
    const Term zero = d.builder().constant(0);
    d.add(0, d.call("where", {d.call("greater", {d.y(), zero}), d.dy(), zero}));
  };
  kind.cheap = true;
  kind.examples = point_examples(1);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
