#include "compiler/frontend/names.h"

#include <cstdlib>

#include "compiler/frontend/equation_parser.h"

namespace tapeloop {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

Source moved(Source source, std::size_t columns) {
  source.column += static_cast<int>(columns);
  return source;
}

}  // namespace

std::vector<NamePart> parse_name_parts(std::string_view name, const Source& start, Diagnostics& diagnostics) {
  std::vector<NamePart> parts;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t open = name.find_first_of("{}", at);
    if (open != at) {
      parts.push_back({std::string(name.substr(at, open - at)), nullptr});
      if (open == std::string_view::npos) break;
    }
    const std::size_t close = name[open] == '{' ? name.find_first_of("{}", open + 1) : std::string_view::npos;
    if (close == std::string_view::npos || name[close] == '{') {
      diagnostics.error("E0211", moved(start, open), std::string("this '") + name[open] + "' has no partner of its own",
                        "write h{j-1}; there are no braces within braces");
      return {};
    }
    ExpressionPtr inside = parse_equation(name.substr(open + 1, close - open - 1), moved(start, open + 1), diagnostics);
    if (!inside) return {};
    parts.push_back({"", std::move(inside)});
    at = close + 1;
  }
  return parts;
}

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

std::vector<KeyName> split_key(std::string_view key) {
  std::vector<KeyName> names;
  std::size_t from = 0;
  int braces = 0;
  for (std::size_t k = 0; k <= key.size(); ++k) {
    if (k < key.size() && key[k] == '{') ++braces;
    if (k < key.size() && key[k] == '}') --braces;
    if (k < key.size() && (key[k] != ',' || braces > 0)) continue;
    const std::string_view name = trimmed(key.substr(from, k - from));
    names.push_back({std::string(name), name.empty() ? from : static_cast<std::size_t>(name.data() - key.data())});
    from = k + 1;
  }
  return names;
}

}  // namespace tapeloop
