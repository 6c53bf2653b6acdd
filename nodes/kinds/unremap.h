// y(s) = sum of x over the points p at which a remap reads s        dx(p) += dy(s)
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(unremap) {
  kind.doc = "The transpose of a remap.";
  kind.role = Role::kUnremap;
  kind.operands = {"x"};
  kind.adjoint = [](AdjointBuilder& d) { d.add(0, d.builder().remap(d.dy(), d.node().remap, d.x(0).space())); };
}

}  // namespace tapeloop::kinds
