#include "models/facade/tree_text.h"

#include <algorithm>
#include <cctype>

namespace tapeloop {
namespace {

// Plain where nothing in it can be taken for YAML's own signs, else in single quotes.
std::string scalar_text(const std::string& text) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '/' || c == '-' || c == '+'; };
  if (!text.empty() && text != "-" && std::all_of(text.begin(), text.end(), plain)) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

std::string flow_text(const Tree& tree) {
  if (tree.is_scalar()) return scalar_text(tree.scalar);
  std::string text;
  for (const Tree& item : tree.list) text += (text.empty() ? "" : ", ") + flow_text(item);
  for (const Tree::Entry& entry : tree.map) text += (text.empty() ? "" : ", ") + scalar_text(entry.key) + ": " + flow_text(entry.value);
  return tree.is_list() ? "[" + text + "]" : "{" + text + "}";
}

}  // namespace

std::string tree_text(const Tree& tree, int level) {
  if (!tree.is_map() || tree.map.empty()) return " " + flow_text(tree) + "\n";
  std::string text = "\n";
  for (const Tree::Entry& entry : tree.map) {
    text += std::string(static_cast<std::size_t>(2 * level), ' ') + scalar_text(entry.key) + ":" + tree_text(entry.value, level + 1);
  }
  return text;
}

}  // namespace tapeloop
