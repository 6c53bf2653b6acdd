// y = 1 if a >= b, else 0        no cotangent passes
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(greater_equal, 2) { return Select(LessEqual(x1, x0), T(1), T(0)); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(greater_equal) {
  kind.symbol = ">=";
  kind.doc = "1 where a is not below b, else 0.";
  kind.usage = "a >= b";
  kind.operands = {"a", "b"};
  kind.result_type = Type::kBool;
  kind.differentiable = false;
  kind.cheap = true;
  kind.examples = point_examples(2);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
