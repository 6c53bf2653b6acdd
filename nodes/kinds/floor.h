// y = the greatest whole number <= x        no cotangent passes
#include "nodes/kind_file.h"

namespace tapeloop::TAPELOOP_NAMESPACE {

TAPELOOP_POINT(floor, 1) { return Floor(x0); }

#ifdef TAPELOOP_RECORDS
TAPELOOP_KIND(floor) {
  kind.doc = "The greatest whole number that is not above x; an int.";
  kind.usage = "floor(x)";
  kind.operands = {"x"};
  kind.result_type = Type::kInt;
  kind.differentiable = false;
  kind.cheap = true;
  kind.examples = point_examples(1);
}
#endif

}  // namespace tapeloop::TAPELOOP_NAMESPACE
