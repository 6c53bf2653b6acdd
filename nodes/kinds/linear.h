// y = x_1 W_1 + x_2 W_2 + .. + bias        written out as products, sums and parameters when a model is expanded
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(linear) {
  kind.doc = "Learned affine map of the operands: one weight each, one bias; merge=MERGE joins the products otherwise.";
  kind.usage = "linear(x, ..., units=N, bias=true|false, weights=GROUP, merge=sum)";
  kind.role = Role::kSugar;
  kind.operands = {"x"};
  kind.variadic = true;
}

}  // namespace tapeloop::kinds
