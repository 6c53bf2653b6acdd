// The parts of names: {...}, taps at their ends, lists of them in keys.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostics.h"
#include "core/expression.h"

namespace tapeloop {

// A name cut at its {...}: "h{j-1}_tm1" is "h", {j-1}, "_tm1". Empty after an error.
struct NamePart {
  std::string text;      // letters, or
  ExpressionPtr braces;  // the equation between { and }
};
std::vector<NamePart> parse_name_parts(std::string_view name, const Source& start, Diagnostics& diagnostics);

// A name that ends like a tap, cut there: "h_tm1" is {"h", -1}, "x_tp2" is {"x", 2}; nothing for other names and for
// taps of more than 9 digits. Knows nothing of {...}: call it on names that are written out.
struct TapSuffix {
  std::string name;
  int offset = 0;
};
std::optional<TapSuffix> split_tap(std::string_view name);

// Letters, digits and _, no digit first; with `dots`, several of these with dots between ("d.h", "e.linear.1").
// REQUIRES: no {...} in it.
bool is_identifier(std::string_view name, bool dots = false);

// The names of a key "i, f, o", without the blanks around them; a comma within {...} does not part. Offsets are into the key.
struct KeyName {
  std::string name;
  std::size_t offset = 0;
};
std::vector<KeyName> split_key(std::string_view key);

}  // namespace tapeloop
