// y = the largest x along an axis, 0 of an empty run        dx += dy at the first position where x is that, else 0
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(max_along) {
  kind.doc = "The largest value along an axis; of equals the first. Users write max(x, along=AXIS).";
  kind.role = Role::kExtremeAlong;
  kind.operands = {"x"};
  kind.adjoint = [](AdjointBuilder& d) {
    const AxisId axis = d.node().axis;
    const Term here = d.builder().index(axis);
    const Term chosen = d.builder().extreme_along("argmax_along", d.x(0), axis);
    d.add(0, d.call("where", {d.call("equal", {here, chosen}), d.dy(), d.builder().constant(0)}));
  };
}

}  // namespace tapeloop::kinds
