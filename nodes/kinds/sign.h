// y = 1 above 0, -1 below, 0 at 0 (NaN stays)        no cotangent passes
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(sign, 1) { return Select(Less(T(0), x0), T(1), Select(Less(x0, T(0)), T(-1), x0 - x0)); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(sign) {
  kind.doc = "1, 0 or -1 by the sign of x.";
  kind.usage = "sign(x)";
  kind.operands = {"x"};
  kind.keeps_type = true;
  kind.differentiable = false;
  kind.cheap = true;
  kind.examples = point_examples(1);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
