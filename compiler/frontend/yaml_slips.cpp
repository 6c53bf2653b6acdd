#include "compiler/frontend/yaml_slips.h"

#include <algorithm>
#include <vector>

namespace tapeloop {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Calls visit(offset, character) for what stands neither in quotes nor in a comment.
template <class Visit>
void for_each_plain(std::string_view text, const Visit& visit) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const bool begins = at == 0 || is_space(text[at - 1]) || text[at - 1] == '[' || text[at - 1] == '{' || text[at - 1] == ',';
    if (c == '#' && begins) {
      at = std::min(text.find('\n', at), text.size()) - 1;
    } else if ((c == '"' || c == '\'') && begins) {
      for (++at; at < text.size() && text[at] != c; ++at) at += c == '"' && text[at] == '\\';
    } else {
      visit(at, c);
    }
  }
}

struct Line {
  std::size_t begin = 0;
  std::string_view text;
};

// The last line before this offset's own that has something in it but a comment.
std::optional<Line> line_before(std::string_view text, std::size_t offset) {
  std::size_t end = text.substr(0, offset).rfind('\n');
  while (end != std::string_view::npos) {
    const std::size_t newline = end == 0 ? std::string_view::npos : text.rfind('\n', end - 1);
    const std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
    const std::string_view line = text.substr(begin, end - begin);
    const std::size_t first = line.find_first_not_of(" \t\r");
    if (first != std::string_view::npos && line[first] != '#') return Line{begin + first, line.substr(first)};
    end = newline;
  }
  return std::nullopt;
}

bool has_colon(std::string_view line) {
  int depth = 0;
  bool found = false;
  for_each_plain(line, [&](std::size_t at, char c) {
    depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
    found = found || (c == ':' && depth == 0 && (at + 1 == line.size() || is_space(line[at + 1])));
  });
  return found;
}

}  // namespace

std::optional<YamlSlip> find_unclosed_bracket(std::string_view text, std::size_t noticed) {
  std::vector<std::size_t> open;
  for_each_plain(text.substr(0, noticed), [&](std::size_t at, char c) {
    if (c == '{' || c == '[') open.push_back(at);
    if ((c == '}' || c == ']') && !open.empty()) open.pop_back();
  });
  if (open.empty()) return std::nullopt;
  const char bracket = text[open.back()];
  return YamlSlip{open.back(), std::string("'") + bracket + "' is not closed",
                  std::string("close it with '") + (bracket == '{' ? '}' : ']') + "'"};
}

std::optional<YamlSlip> find_key_without_colon(std::string_view text, std::size_t noticed) {
  const std::optional<Line> line = line_before(text, noticed);
  if (!line || has_colon(line->text) || line->text.starts_with("- ")) return std::nullopt;
  return YamlSlip{line->begin, "expected ': ' behind a key, and found none in this line",
                  "write KEY: VALUE, with a space behind the colon"};
}

}  // namespace tapeloop
