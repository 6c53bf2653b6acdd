// What is a name, and which names end like a tap.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tapeloop {

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

}  // namespace tapeloop
