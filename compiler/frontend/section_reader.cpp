#include "compiler/frontend/section_reader.h"

#include <algorithm>
#include <array>
#include <set>

#include "compiler/frontend/equation_parser.h"

namespace tapeloop {
namespace {

constexpr std::array<std::string_view, 5> kReserved = {"for", "inf", "true", "false", "_"};

Source moved(Source source, std::size_t columns) {
  source.column += static_cast<int>(columns);
  return source;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t k = 0; k < names.size(); ++k) text += (k == 0 ? "" : k + 1 == names.size() ? " and " : ", ") + names[k];
  return text;
}

}  // namespace

std::string describe(const Tree& tree) {
  if (tree.is_list()) return "a list";
  if (tree.is_map()) return "a map";
  return tree.scalar.empty() ? "nothing" : "'" + tree.scalar + "'";
}

bool SectionReader::known_keys(const Tree& map, const std::string& what, const std::vector<std::string>& keys) {
  bool known = true;
  for (const Tree::Entry& entry : map.map) {
    if (std::ranges::find(keys, entry.key) != keys.end()) continue;
    error("E0114", entry.source, what + " has no key '" + entry.key + "'" + did_you_mean(entry.key, keys), "its keys are " + listed(keys));
    known = false;
  }
  return known;
}

bool SectionReader::expect_scalar(const Tree& tree, const std::string& what, const std::string& help) {
  if (tree.is_scalar()) return true;
  error("E0115", tree.source, what + ": expected a text, found " + describe(tree),
        help.empty() ? "a text that starts with { or [ needs quotes" : help);
  return false;
}

bool SectionReader::expect_list(const Tree& tree, const std::string& what, const std::string& help) {
  if (tree.is_list()) return true;
  error("E0115", tree.source, what + ": expected a list, found " + describe(tree), help.empty() ? "a list is written [a, b]" : help);
  return false;
}

bool SectionReader::expect_map(const Tree& tree, const std::string& what, const std::string& help) {
  if (tree.is_map()) return true;
  error("E0115", tree.source, what + ": expected a map, found " + describe(tree), help.empty() ? "a map is written {key: value}" : help);
  return false;
}

bool SectionReader::expect_keys(const Tree& tree, const std::string& what, const std::string& help) {
  return (tree.is_scalar() && tree.scalar.empty()) || expect_map(tree, what, help);
}

ExpressionPtr SectionReader::equation(const Tree& tree, const std::string& what) {
  if (!tree.is_scalar()) {
    error("E0115", tree.source, what + ": expected an equation, found " + describe(tree),
          "an equation that starts with { or [ needs quotes");
    return nullptr;
  }
  return parse_equation(tree.scalar, tree.source, diagnostics_);
}

std::vector<ExpressionPtr> SectionReader::equations(const Tree& list, const std::string& what) {
  std::vector<ExpressionPtr> result;
  for (const Tree& item : list.list) result.push_back(equation(item, what));
  return result;
}

std::vector<std::string> SectionReader::names(const Tree& list, const std::string& what, const std::string& help) {
  std::vector<std::string> result;
  std::set<std::string> seen;
  if (!expect_list(list, what, help)) return result;
  for (const Tree& item : list.list) {
    if (!expect_scalar(item, what, help) || !check_name(item.scalar, item.source, NameRule::kDotted)) continue;
    if (!seen.insert(item.scalar).second) {
      error("E0123", item.source, what + ": '" + item.scalar + "' is there twice", "remove one of them");
      continue;
    }
    result.push_back(item.scalar);
  }
  return result;
}

// A {...} stands for letters here; what it becomes is checked when it is written out.
bool SectionReader::check_name(const std::string& name, const Source& source, NameRule rule) {
  std::string pattern = name;
  if (name.find_first_of("{}") != std::string::npos) {
    const std::vector<NamePart> parts = parse_name_parts(name, source, diagnostics_);
    if (parts.empty()) return false;
    pattern.clear();
    for (const NamePart& part : parts) pattern += part.braces ? "x" : part.text;
  }
  if (!is_identifier(pattern, rule == NameRule::kDotted)) {
    const bool dotted = rule == NameRule::kPlain && is_identifier(pattern, true);
    error("E0118", source, "expected a name, found " + (name.empty() ? "nothing" : "'" + name + "'"),
          dotted ? "names with a point belong to what a node has within it; give this one a plain name"
                 : "names are letters, digits and _, and do not start with a digit; an equation gets a name under 'nodes'");
    return false;
  }
  if (const auto tap = split_tap(pattern); tap) {
    error("E0119", source, "'" + name + "' ends like a tap, as if it were '" + tap->name + "' at another position",
          "choose another name, such as '" + tap->name + "_old'");
    return false;
  }
  if (std::ranges::find(kReserved, pattern) != kReserved.end()) {
    error("E0120", source, "'" + name + "' has a meaning of its own in the language", "choose another name");
    return false;
  }
  return true;
}

bool SectionReader::is_section(const Tree& tree, const std::string& name) {
  const std::size_t before = diagnostics_.errors();
  if (expect_keys(tree, "'" + name + "'", "a section is a map of names: " + name + ": {NAME: ...}")) return tree.is_map();
  left_out_ += diagnostics_.errors() > before;
  return false;
}

std::vector<ForRange> SectionReader::block_ranges(const Tree::Entry& entry) {
  const std::size_t word = std::min<std::size_t>(4, entry.key.size());  // "for "
  std::vector<ForRange> ranges = parse_ranges(std::string_view(entry.key).substr(word), moved(entry.source, word), diagnostics_);
  left_out_ += ranges.empty();
  return ranges;
}

bool SectionReader::check_key(const Tree::Entry& entry, NameRule rule) {
  std::vector<std::string> seen;
  bool valid = true;
  for (const KeyName& key : split_key(entry.key)) {
    const Source source = moved(entry.source, key.offset);
    valid &= check_name(key.name, source, rule);
    if (std::ranges::find(seen, key.name) != seen.end()) {
      error("E0123", source, "'" + key.name + "' is named twice in one key", "remove one of them");
      valid = false;
    }
    seen.push_back(key.name);
  }
  left_out_ += !valid;
  return valid;
}

}  // namespace tapeloop
