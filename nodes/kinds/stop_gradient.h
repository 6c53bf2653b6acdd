// y = x        no cotangent passes
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(stop_gradient, 1) { return x0; }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(stop_gradient) {
  kind.doc = "The same value, as a constant to differentiation.";
  kind.usage = "stop_gradient(x)";
  kind.operands = {"x"};
  kind.keeps_type = true;
  kind.differentiable = false;
  kind.cost = no_cost;
  kind.cheap = true;
  kind.examples = point_examples(1);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
