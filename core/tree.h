// A YAML document as written: every scalar stays text, every part knows where it stands.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/source.h"

namespace tapeloop {

struct Tree {
  enum class Kind { kScalar, kList, kMap };
  struct Entry;

  Kind kind = Kind::kScalar;
  Source source;
  std::string scalar;
  std::vector<Tree> list;
  std::vector<Entry> map;  // in the order of the file; no key twice

  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_map() const { return kind == Kind::kMap; }
  const Tree* find(std::string_view key) const;  // null if this is no map or has no such key
};

struct Tree::Entry {
  std::string key;
  Source source;  // of the key
  Tree value;
};

inline const Tree* Tree::find(std::string_view key) const {
  for (const Entry& entry : map) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

}  // namespace tapeloop
