#include "core/names.h"

#include <cstdlib>

namespace tapeloop {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

}  // namespace

std::optional<TapSuffix> split_tap(std::string_view name) {
  constexpr std::size_t kMaxDigits = 9;
  std::size_t digits = name.size();
  while (digits > 0 && is_digit(name[digits - 1])) --digits;
  const std::size_t count = name.size() - digits;
  if (count == 0 || count > kMaxDigits || digits < 4) return std::nullopt;
  const std::string_view mark = name.substr(digits - 3, 3);
  if (mark != "_tm" && mark != "_tp") return std::nullopt;
  const int steps = std::atoi(std::string(name.substr(digits)).c_str());
  return TapSuffix{std::string(name.substr(0, digits - 3)), mark == "_tm" ? -steps : steps};
}

bool is_identifier(std::string_view name, bool dots) {
  if (name.empty() || !is_letter(name[0])) return false;
  for (std::size_t k = 1; k < name.size(); ++k) {
    const bool dot = dots && name[k] == '.' && name[k - 1] != '.' && k + 1 < name.size();
    if (!is_letter(name[k]) && !is_digit(name[k]) && !dot) return false;
  }
  return true;
}

}  // namespace tapeloop
