// y(p) = v at the place that p's positions on other axes give, or 0        dv += the sum of dy over the points that read there
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(remap) {
  kind.doc = "A value of one axis read along others: pool, window, upsample, slice, concat and reverse along an axis.";
  kind.role = Role::kRemap;
  kind.operands = {"v"};
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.builder().unremap(d.dy(), d.node().remap, d.x(0).space())); };
  kind.cost = no_cost;
}

}  // namespace tapeloop::kinds
