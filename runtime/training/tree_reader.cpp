#include "runtime/training/tree_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/expression.h"

namespace tapeloop {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string found(const Tree& tree) {
  if (tree.is_list()) return "a list";
  if (tree.is_map()) return "a map";
  return tree.scalar.empty() ? "nothing" : "'" + tree.scalar + "'";
}

template <class Number>
bool parse(const std::string& text, Number& value) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  return !text.empty() && result.ec == std::errc() && result.ptr == end;
}

}  // namespace

MapReader::MapReader(const Tree& tree, std::string where, Diagnostics& diagnostics)
    : tree_(tree), where_(std::move(where)), diagnostics_(diagnostics) {
  if (!tree.is_map()) diagnostics_.error("E0802", tree.source, where_ + ": expected a map of keys, found " + found(tree));
}

void MapReader::allow(const std::vector<std::string>& keys) {
  for (const Tree::Entry& entry : tree_.map) {
    if (std::find(keys.begin(), keys.end(), entry.key) != keys.end()) continue;
    diagnostics_.error("E0801", entry.source, where_ + " has no key '" + entry.key + "'" + did_you_mean(entry.key, keys),
                       "its keys are " + joined(keys));
  }
}

const Tree* MapReader::require(std::string_view key) {
  const Tree* tree = tree_.find(key);
  if (!tree && tree_.is_map()) {
    diagnostics_.error("E0804", tree_.source, where_ + " needs the key '" + std::string(key) + "'", "add " + std::string(key) + ": ..");
  }
  return tree;
}

std::optional<std::string> MapReader::text(std::string_view key) {
  const Tree* tree = find(key);
  return tree ? read_text(*tree, path(key), diagnostics_) : std::nullopt;
}

std::optional<double> MapReader::number(std::string_view key, double least, double most, bool open) {
  const Tree* tree = find(key);
  if (!tree) return std::nullopt;
  const std::optional<double> value = read_number(*tree, path(key), diagnostics_);
  if (!value || (*value >= least && (open ? *value < most : *value <= most))) return value;
  std::string range = "at least " + number_text(least);
  if (std::isfinite(most)) range += (open ? ", below " : ", at most ") + number_text(most);
  diagnostics_.error("E0803", tree->source, path(key) + ": expected a number of " + range + ", found " + tree->scalar);
  return std::nullopt;
}

std::optional<std::int64_t> MapReader::whole(std::string_view key, std::int64_t least, std::int64_t most) {
  const Tree* tree = find(key);
  return tree ? read_whole(*tree, path(key), least, most, diagnostics_) : std::nullopt;
}

std::optional<bool> MapReader::flag(std::string_view key) {
  const std::optional<std::size_t> at = word(key, {"false", "true"});
  return at ? std::optional<bool>(*at == 1) : std::nullopt;
}

std::optional<std::size_t> MapReader::word(std::string_view key, const std::vector<std::string>& words) {
  const Tree* tree = find(key);
  return tree ? read_word(*tree, path(key), words, diagnostics_) : std::nullopt;
}

std::optional<double> read_number(const Tree& tree, const std::string& path, Diagnostics& diagnostics) {
  double value = 0;
  if (tree.is_scalar() && parse(tree.scalar, value) && std::isfinite(value)) return value;
  diagnostics.error("E0803", tree.source, path + ": expected a number, found " + found(tree));
  return std::nullopt;
}

std::optional<std::int64_t> read_whole(const Tree& tree, const std::string& path, std::int64_t least, std::int64_t most,
                                       Diagnostics& diagnostics) {
  std::int64_t value = 0;
  if (tree.is_scalar() && parse(tree.scalar, value) && value >= least && value <= most) return value;
  diagnostics.error(
      "E0803", tree.source,
      path + ": expected a whole number from " + std::to_string(least) + " to " + std::to_string(most) + ", found " + found(tree));
  return std::nullopt;
}

std::optional<std::string> read_text(const Tree& tree, const std::string& path, Diagnostics& diagnostics) {
  if (tree.is_scalar() && !tree.scalar.empty()) return tree.scalar;
  diagnostics.error("E0802", tree.source, path + ": expected a word, found " + found(tree));
  return std::nullopt;
}

std::optional<std::size_t> read_word(const Tree& tree, const std::string& path, const std::vector<std::string>& words,
                                     Diagnostics& diagnostics) {
  const std::optional<std::string> text = read_text(tree, path, diagnostics);
  if (!text) return std::nullopt;
  const auto at = std::find(words.begin(), words.end(), *text);
  if (at != words.end()) return static_cast<std::size_t>(at - words.begin());
  diagnostics.error("E0805", tree.source, path + ": '" + *text + "' is not known here" + did_you_mean(*text, words),
                    "one of " + joined(words));
  return std::nullopt;
}

NamedAt read_name(const Tree& tree, const std::string& path, Diagnostics& diagnostics) {
  return {read_text(tree, path, diagnostics).value_or(""), tree.source};
}

std::vector<NamedAt> read_names(const Tree& tree, const std::string& path, Diagnostics& diagnostics) {
  std::vector<NamedAt> result;
  for (const Tree* item : read_list(tree, path, diagnostics)) {
    NamedAt name = read_name(*item, path, diagnostics);
    const bool twice = std::any_of(result.begin(), result.end(), [&](const NamedAt& other) { return other.name == name.name; });
    if (twice) diagnostics.error("E0808", item->source, path + " has '" + name.name + "' twice");
    result.push_back(std::move(name));
  }
  if (tree.is_list() && result.empty()) diagnostics.error("E0802", tree.source, path + ": the list is empty");
  return result;
}

std::vector<const Tree*> read_list(const Tree& tree, const std::string& path, Diagnostics& diagnostics) {
  std::vector<const Tree*> items;
  if (!tree.is_list()) diagnostics.error("E0802", tree.source, path + ": expected a list [..], found " + found(tree));
  for (const Tree& item : tree.list) items.push_back(&item);
  return items;
}

}  // namespace tapeloop
