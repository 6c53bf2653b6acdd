// Patterns for names of parameters: `*` stands for any run of characters, dots too. "encoder.*" are those of the instance encoder.
#pragma once

#include <string_view>

namespace tapeloop {

bool matches(std::string_view pattern, std::string_view name);

}  // namespace tapeloop
