#include "core/container.h"

namespace tapeloop {

const LengthDecl& AxisDecl::length_in(Mode mode) const {
  const auto own = [&](Mode wanted) -> const LengthDecl* {
    for (const auto& [of, decl] : of_mode) {
      if (of == wanted) return &decl;
    }
    return nullptr;
  };
  const LengthDecl* found = own(mode);
  if (!found && mode == Mode::kEval) found = own(Mode::kTrain);
  return found ? *found : length;
}

}  // namespace tapeloop
