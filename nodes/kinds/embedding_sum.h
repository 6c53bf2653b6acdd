// y[r, :] = sum of x[.., :] over the points that y's space lacks, and the places of i, where i[..] = r
//   dx[.., :] += dy[i[..], :]
// That is one_hot(i)^T x summed over points, without ever making the one-hot vectors.
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(embedding_sum) {
  kind.doc = "Rows added up by number: the gradient of an embedding's table.";
  kind.role = Role::kProductSum;
  kind.adds_by_number = true;
  kind.operands = {"i", "x"};
  kind.adjoint = [](AdjointBuilder& d) { d.add(1, d.call("embedding", {d.x(0), d.dy()})); };
}

}  // namespace tapeloop::kinds
