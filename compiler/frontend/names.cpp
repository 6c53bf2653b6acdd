#include "compiler/frontend/names.h"

#include "compiler/frontend/equation_parser.h"

namespace tapeloop {
namespace {

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
