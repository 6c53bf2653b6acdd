// y(p) = v(p + K) on the moved axes, or at an end of a run; outside an axis its start value, or 0
//   dv(s) += dy(p that read s): unmove        d(start)(o) += sum of dy over the points that read it: move_outside
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(move) {
  kind.doc = "A tap, or an end of a run: v[t-1], last(v, along=t).";
  kind.role = Role::kMove;
  kind.operands = {"v", "start"};
  kind.variadic = true;
  kind.optional_operands = 1;
  kind.adjoint = [](AdjointBuilder& d) {
    const Node y = d.node();
    if (y.operands[0] != kNone && d.wants(0)) d.add(0, d.builder().unmove(d.dy(), y.moves, d.x(0).space()));
    for (const Outside& outside : y.outsides) {
      const auto k = static_cast<std::size_t>(outside.operand);
      if (!d.wants(k)) continue;
      Shape shape = y.shape;
      if (outside.slots > 0) shape.insert(shape.begin(), Dim(outside.slots));
      d.add(k, d.builder().move_outside(d.dy(), y.moves, outside, d.x(k).space(), shape));
    }
  };
  kind.cost = no_cost;
}

}  // namespace tapeloop::kinds
