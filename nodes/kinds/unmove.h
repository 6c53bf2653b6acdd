// y(s) = x(p that a move reads at s), or 0        dx(p) += dy(p moved), 0 outside
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(unmove) {
  kind.doc = "The transpose of a move for the value that it moves.";
  kind.role = Role::kUnmove;
  kind.operands = {"x"};
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.builder().move(d.dy(), d.node().moves, {}, {}, d.x(0).space())); };
  kind.cost = no_cost;
}

}  // namespace tapeloop::kinds
