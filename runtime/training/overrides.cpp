// Values from the command line, put into the tree before it is read: they meet the same checks as the file.
#include <algorithm>

#include "runtime/training/train_spec.h"

namespace tapeloop {
namespace {

Source command_line(int number) {
  static const auto kFile = std::make_shared<const std::string>("command line");
  return {kFile, number, 1};
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

// "1e-3" or "[1, 2]": a list of scalars.
Tree value_tree(const std::string& text, const Source& source) {
  Tree tree{Tree::Kind::kScalar, source, trimmed(text), {}, {}};
  if (tree.scalar.size() < 2 || tree.scalar.front() != '[' || tree.scalar.back() != ']') return tree;
  std::string_view items = std::string_view(tree.scalar).substr(1, tree.scalar.size() - 2);
  Tree list{Tree::Kind::kList, source, {}, {}, {}};
  while (!trimmed(items).empty()) {
    const std::size_t comma = items.find(',');
    list.list.push_back({Tree::Kind::kScalar, source, trimmed(items.substr(0, comma)), {}, {}});
    if (comma == std::string_view::npos) break;
    items.remove_prefix(comma + 1);
  }
  return list;
}

void apply(Tree& train, const Override& override, const Source& source, Diagnostics& diagnostics) {
  Tree* at = &train;
  std::string done = "train";
  std::string_view rest = override.key;
  while (!rest.empty()) {
    const std::size_t dot = rest.find('.');
    const std::string key(rest.substr(0, dot));
    if (!at->is_map()) {
      diagnostics.error("E0809", source, "train." + override.key + ": " + done + " is no map, so it has no '" + key + "'");
      return;
    }
    auto entry = std::find_if(at->map.begin(), at->map.end(), [&](const Tree::Entry& e) { return e.key == key; });
    if (entry == at->map.end()) {
      at->map.push_back({key, source, Tree{Tree::Kind::kMap, source, {}, {}, {}}});
      entry = std::prev(at->map.end());
    }
    at = &entry->value;
    done += "." + key;
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  }
  *at = value_tree(override.value, source);
}

}  // namespace

Tree apply_overrides(Tree train, const std::vector<Override>& overrides, Diagnostics& diagnostics) {
  int number = 0;
  for (const Override& override : overrides) {
    const Source source = command_line(++number);
    if (override.key.empty() || override.key.front() == '.' || override.key.back() == '.') {
      diagnostics.error("E0809", source, "'train." + override.key + "' names no key", "write train.KEY=VALUE or train.KEY.KEY=VALUE");
      continue;
    }
    apply(train, override, source, diagnostics);
  }
  return train;
}

}  // namespace tapeloop
