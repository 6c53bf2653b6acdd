// A tree back to YAML text.
#pragma once

#include <string>

#include "core/tree.h"

namespace tapeloop {

// What follows a key's colon, with the line break: " 3\n", or lines indented by 2 * level blanks.
std::string tree_text(const Tree& tree, int level = 0);

}  // namespace tapeloop
