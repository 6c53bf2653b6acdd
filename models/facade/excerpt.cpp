#include "models/facade/excerpt.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <vector>

#include "models/facade/built_in_models.h"
#include "runtime/training/atomic_file.h"

namespace tapeloop {
namespace {

constexpr int kMostColumns = 120;                             // of a line that is shown whole
constexpr int kAround = 50;                                   // columns before the place, of a longer one
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 21;  // models have at most 1 MiB

// Unicode 15, East Asian Width W and F, and what stands over or under its neighbour: the blocks, not each character.
struct Block {
  char32_t first, last;
};
constexpr std::array<Block, 11> kWide{{{0x1100, 0x115F},
                                       {0x2E80, 0x303E},
                                       {0x3041, 0xA4CF},
                                       {0xA960, 0xA97F},
                                       {0xAC00, 0xD7A3},
                                       {0xF900, 0xFAFF},
                                       {0xFE30, 0xFE6F},
                                       {0xFF00, 0xFF60},
                                       {0xFFE0, 0xFFE6},
                                       {0x1F300, 0x1FAFF},
                                       {0x20000, 0x3FFFD}}};
constexpr std::array<Block, 5> kNone{{{0x0300, 0x036F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}}};

// A character of the line, in bytes, and how many columns it takes.
struct Character {
  std::size_t begin = 0, bytes = 1;
  int columns = 1;
};

Character character_at(std::string_view line, std::size_t at) {
  const auto byte = [&](std::size_t k) { return k < line.size() ? static_cast<unsigned char>(line[k]) : 0U; };
  const unsigned first = byte(at);
  const std::size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  char32_t code = more == 0 ? first : first & (0x3FU >> more);
  std::size_t bytes = 1;
  while (bytes <= more && (byte(at + bytes) & 0xC0U) == 0x80U) code = (code << 6U) | (byte(at + bytes++) & 0x3FU);
  const auto in = [&](const Block& block) { return code >= block.first && code <= block.last; };
  const bool wide = std::any_of(kWide.begin(), kWide.end(), in), none = std::any_of(kNone.begin(), kNone.end(), in);
  return {at, bytes, wide ? 2 : none ? 0 : 1};
}

std::vector<Character> characters_of(std::string_view line) {
  std::vector<Character> result;
  for (std::size_t at = 0; at < line.size(); at += result.back().bytes) result.push_back(character_at(line, at));
  return result;
}

bool in_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (static_cast<unsigned char>(c) & 0x80U) != 0;
}

std::string_view line_of(std::string_view text, int line) {
  std::size_t begin = 0;
  for (int k = 1; k < line && begin != std::string_view::npos; ++k) {
    begin = text.find('\n', begin);
    if (begin != std::string_view::npos) ++begin;
  }
  if (begin == std::string_view::npos || line < 1 || begin > text.size()) return {};
  std::string_view found = text.substr(begin, std::min(text.find('\n', begin), text.size()) - begin);
  if (found.ends_with('\r')) found.remove_suffix(1);
  return found;
}

// What a terminal would take as an order to it is no text.
std::string shown(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c != '\t' && (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)) c = '?';
  }
  return result;
}

}  // namespace

std::optional<Excerpt> excerpt_of(std::string_view text, int line, int column) {
  const std::string_view whole = line_of(text, line);
  if (whole.empty() || column < 1) return std::nullopt;
  const std::size_t place = std::min(static_cast<std::size_t>(column) - 1, whole.size());
  std::size_t end = place;
  while (end < whole.size() && in_word(whole[end])) ++end;
  end = std::max(end, std::min(place + 1, whole.size()));
  Excerpt result;
  result.end_column = static_cast<int>(std::max(end, place + 1)) + 1;
  const std::vector<Character> all = characters_of(whole);
  int before = 0, columns = 0;
  for (const Character& character : all) {
    before += character.begin < place ? character.columns : 0;
    columns += character.columns;
  }
  const bool cut = columns > kMostColumns;
  const int first = cut ? std::max(0, before - kAround) : 0;
  result.line = result.marks = first > 0 ? ".." : "";
  std::fill(result.marks.begin(), result.marks.end(), ' ');
  bool marked = false;
  int at = 0;
  for (const Character& character : all) {
    const int here = at;
    at += character.columns;
    if (here < first) continue;
    if (cut && here >= first + kMostColumns) {
      result.line += "..";
      break;
    }
    result.line += shown(whole.substr(character.begin, character.bytes));
    const bool tab = whole[character.begin] == '\t';
    if (character.begin < place) result.marks += tab ? "\t" : std::string(static_cast<std::size_t>(character.columns), ' ');
    if (character.begin < place || character.begin >= end) continue;
    for (int k = 0; k < character.columns; ++k, marked = true) result.marks += marked ? '~' : '^';
  }
  if (!marked) result.marks += '^';  // behind the end of the line
  return result;
}

std::optional<Excerpt> excerpt_of(const Diagnostic& diagnostic) {
  const Source& source = diagnostic.source;
  if (!source.known() || !source.file) return std::nullopt;
  const std::filesystem::path path(*source.file);
  std::error_code error;
  if (path.extension() != ".yaml" && path.extension() != ".yml") return std::nullopt;
  if (std::filesystem::is_regular_file(path, error) && std::filesystem::file_size(path, error) <= kMostBytes) {
    return excerpt_of(read_whole_file(path.string()), source.line, source.column);
  }
  for (const BuiltInModel& model : built_in_models()) {
    if (std::string(model.name) + ".yaml" == *source.file) return excerpt_of(model.yaml, source.line, source.column);
  }
  return std::nullopt;
}

std::string format_with_excerpt(const Diagnostic& diagnostic) {
  const std::optional<Excerpt> excerpt = excerpt_of(diagnostic);
  if (!excerpt) return format(diagnostic);
  Diagnostic without = diagnostic;
  without.help.clear();
  const std::string help = diagnostic.help.empty() ? "" : "\n  help: " + diagnostic.help;
  return format(without) + "\n  | " + excerpt->line + "\n  | " + excerpt->marks + help;
}

}  // namespace tapeloop
