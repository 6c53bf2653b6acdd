// The tokens of equations.
#pragma once

#include <string_view>
#include <vector>

#include "core/diagnostics.h"
#include "core/source.h"

namespace tapeloop {

struct Token {
  enum class Kind { kNumber, kName, kSign, kEnd };
  Kind kind = Kind::kEnd;
  std::string_view text;  // into the text; names with their {...}; empty at the end
  Source source;
};

// The tokens, the end as last; empty after an error. A line break in the text begins a line at column 1.
std::vector<Token> equation_tokens(std::string_view text, const Source& start, Diagnostics& diagnostics);

}  // namespace tapeloop
