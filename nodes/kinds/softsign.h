// y = x / (1 + |x|)        composite
#include "nodes/kind_file.h"

namespace tapeloop::kinds {

TAPELOOP_KIND(softsign) {
  kind.role = Role::kComposite;
  kind.doc = "Like tanh, with slower tails. Bergstra et al. 2009.";
  kind.usage = "softsign(x)";
  kind.operands = {"x"};
  kind.equation = "x / (1 + abs(x))";
  kind.examples = point_examples(1, -4, 4);
}

}  // namespace tapeloop::kinds
