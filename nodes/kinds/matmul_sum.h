// y[k, n] = sum over the points that y's space lacks, and over the leading dimensions, of a[.., k] b[.., n]
//   da[.., k] += b dy^T        db[.., n] += a dy
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(matmul_sum) {
  kind.doc = "Products a^T b summed over points: the gradient of a weight.";
  kind.role = Role::kProductSum;
  kind.operands = {"a", "b"};
  kind.adjoint = [](AdjointBuilder& d) {
    if (d.wants(0)) d.add(0, d.call("matmul", {d.x(1), d.call("transpose", {d.dy()})}));
    if (d.wants(1)) d.add(1, d.call("matmul", {d.x(0), d.dy()}));
  };
  kind.cost = [](const LocalShapes& s) {
    return Cost{2.0 * static_cast<double>(elements_of(s.operands[0])) * static_cast<double>(s.operands[1].back())};
  };
}

}  // namespace tapeloop::kinds
