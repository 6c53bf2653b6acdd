// What the sections of a container have in common (keys, names, `for` blocks, kinds of values), and a reader for the
// declaration in each.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/container.h"
#include "core/diagnostics.h"

namespace tapeloop {

// "a list", "a map", "nothing" or "'the text'".
std::string describe(const Tree& tree);

enum class NameRule { kPlain, kDotted };  // kDotted: of values that may be within an inner container, "d.h"

class SectionReader {
 public:
  explicit SectionReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  // One reader of a declaration: reports what is wrong and returns what can be used of it.
  template <class T>
  using Read = T (*)(const Tree& value, const std::string& key, SectionReader& reader);

  // Every entry and block of a section; null or empty: none.
  template <class T>
  Section<T> section(const Tree* tree, const std::string& name, NameRule rule, Read<T> read) {
    Section<T> result;
    if (!tree || !is_section(*tree, name)) return result;
    for (const Tree::Entry& entry : tree->map) {
      SectionItem<T> item;
      item.source = entry.source;
      if (is_block(entry)) {
        item.ranges = block_ranges(entry);
        if (item.ranges.empty()) continue;
        item.body = section<T>(&entry.value, "a 'for' block", rule, read);
      } else {
        if (!check_key(entry, rule)) continue;
        item.key = entry.key;
        const std::size_t before = diagnostics_.errors();
        item.value = read(entry.value, entry.key, *this);
        if constexpr (requires { item.value.wrong; }) item.value.wrong = diagnostics_.errors() > before;
      }
      result.push_back(std::move(item));
    }
    return result;
  }

  void error(std::string_view code, const Source& source, std::string message, std::string help = {}) {
    diagnostics_.error(code, source, std::move(message), std::move(help));
  }

  // True if the map has no other keys than these; `what` names the map: "an input".
  bool known_keys(const Tree& map, const std::string& what, const std::vector<std::string>& keys);
  // True, or reports what was expected there; `what` names the place: "'shape' of x".
  bool expect_scalar(const Tree& tree, const std::string& what, const std::string& help = {});
  bool expect_list(const Tree& tree, const std::string& what, const std::string& help = {});
  bool expect_map(const Tree& tree, const std::string& what, const std::string& help = {});
  // A map, or nothing (`x:` is `x: {}`).
  bool expect_keys(const Tree& tree, const std::string& what, const std::string& help = {});

  // Null after reporting.
  ExpressionPtr equation(const Tree& tree, const std::string& what);
  std::vector<ExpressionPtr> equations(const Tree& list, const std::string& what);  // with a null for each that was reported
  // The names in a list, none twice; without those that were reported.
  std::vector<std::string> names(const Tree& list, const std::string& what, const std::string& help);
  // Reports a name that is none, at its place.
  bool check_name(const std::string& name, const Source& source, NameRule rule);

  // How many declarations have been left out: names that are missing would only bring errors that follow from it.
  std::size_t left_out() const { return left_out_; }

 private:
  bool is_section(const Tree& tree, const std::string& name);
  static bool is_block(const Tree::Entry& entry) { return entry.key == "for" || entry.key.starts_with("for "); }
  std::vector<ForRange> block_ranges(const Tree::Entry& entry);
  bool check_key(const Tree::Entry& entry, NameRule rule);

  Diagnostics& diagnostics_;
  std::size_t left_out_ = 0;
};

OptionDecl read_option(const Tree& value, const std::string& key, SectionReader& reader);
std::string read_use(const Tree& value, const std::string& key, SectionReader& reader);
AxisDecl read_axis(const Tree& value, const std::string& key, SectionReader& reader);
InputDecl read_input(const Tree& value, const std::string& key, SectionReader& reader);
ParameterDecl read_parameter(const Tree& value, const std::string& key, SectionReader& reader);
StateDecl read_state(const Tree& value, const std::string& key, SectionReader& reader);
NodeDecl read_node(const Tree& value, const std::string& key, SectionReader& reader);
std::vector<OutputDecl> read_outputs(const Tree& value, SectionReader& reader);
std::vector<LossDecl> read_loss(const Tree& value, SectionReader& reader);

}  // namespace tapeloop
