// Names as they are written: with {...} in them, several in one key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostics.h"
#include "core/expression.h"
#include "core/names.h"

namespace tapeloop {

// A name cut at its {...}: "h{j-1}_tm1" is "h", {j-1}, "_tm1". Empty after an error.
struct NamePart {
  std::string text;      // letters, or
  ExpressionPtr braces;  // the equation between { and }
};
std::vector<NamePart> parse_name_parts(std::string_view name, const Source& start, Diagnostics& diagnostics);

// The names of a key "i, f, o", without the blanks around them; a comma within {...} does not part. Offsets are into the key.
struct KeyName {
  std::string name;
  std::size_t offset = 0;
};
std::vector<KeyName> split_key(std::string_view key);

}  // namespace tapeloop
