// y(o) = sum of x over the points at o's position whose move leaves the axis (a sum for each slot)
//   dx(p) += dy where p's move leaves the axis, else 0: a move of zeros that starts with dy
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(move_outside) {
  kind.doc = "The transpose of a move for one of its start values.";
  kind.role = Role::kMoveOutside;
  kind.operands = {"x"};
  kind.adjoint = [](AdjointBuilder& d) {
    const Node y = d.node();
    Outside outside = y.outsides[0];
    outside.operand = 1;
    const Term nothing{&d.builder(), kNone};
    d.add(0, d.builder().move(nothing, y.moves, {outside}, {d.dy()}, d.x(0).space()));
  };
}

}  // namespace tapeloop::kinds
