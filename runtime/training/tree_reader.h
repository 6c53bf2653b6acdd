// Strict reading of one map of a YAML tree: what is asked for is checked, what nobody asked for is an unknown key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostics.h"
#include "core/tree.h"
#include "runtime/training/named_at.h"

namespace tapeloop {

// Codes: E0801 unknown key, E0802 another kind of value expected, E0803 no number or out of its range, E0804 missing key,
// E0805 unknown word.
class MapReader {
 public:
  // `where` is "train.optimizer", for messages. Reports if the tree is no map; then every read gives nothing.
  MapReader(const Tree& tree, std::string where, Diagnostics& diagnostics);

  // Reports every key that is not among these.
  void allow(const std::vector<std::string>& keys);

  bool has(std::string_view key) const { return tree_.find(key) != nullptr; }
  const Tree* find(std::string_view key) const { return tree_.find(key); }
  const Tree* require(std::string_view key);  // null and a report if it is missing
  const Source& source() const { return tree_.source; }
  std::string path(std::string_view key) const { return where_ + "." + std::string(key); }

  std::optional<std::string> text(std::string_view key);
  // In [least, most], or in [least, most) with `open`.
  std::optional<double> number(std::string_view key, double least, double most, bool open = false);
  std::optional<std::int64_t> whole(std::string_view key, std::int64_t least, std::int64_t most);
  std::optional<bool> flag(std::string_view key);
  // Which of the words: its position.
  std::optional<std::size_t> word(std::string_view key, const std::vector<std::string>& words);

 private:
  const Tree& tree_;
  std::string where_;
  Diagnostics& diagnostics_;
};

std::optional<double> read_number(const Tree& tree, const std::string& path, Diagnostics& diagnostics);
std::optional<std::int64_t> read_whole(const Tree& tree, const std::string& path, std::int64_t least, std::int64_t most,
                                       Diagnostics& diagnostics);
std::optional<std::string> read_text(const Tree& tree, const std::string& path, Diagnostics& diagnostics);
std::optional<std::size_t> read_word(const Tree& tree, const std::string& path, const std::vector<std::string>& words,
                                     Diagnostics& diagnostics);
NamedAt read_name(const Tree& tree, const std::string& path, Diagnostics& diagnostics);
// A list of names, none twice and at least one.
std::vector<NamedAt> read_names(const Tree& tree, const std::string& path, Diagnostics& diagnostics);
// The items of a list, or nothing and a report.
std::vector<const Tree*> read_list(const Tree& tree, const std::string& path, Diagnostics& diagnostics);

}  // namespace tapeloop
