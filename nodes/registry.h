// All node kinds: one for each file of nodes/kinds.
#pragma once

#include "core/kind.h"

namespace tapeloop {

Registry make_registry();

}  // namespace tapeloop
