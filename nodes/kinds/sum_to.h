// y = sum of x over the axes (and the batch) that y lacks        dx += dy at every point
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(sum_to) {
  kind.doc = "Sum along axes. Users write sum(x, along=AXIS).";
  kind.role = Role::kSumTo;
  kind.operands = {"x"};
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.dy()); };
}

}  // namespace tapeloop::kinds
