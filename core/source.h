// Where a thing was written: file, line and column, both from 1; columns count bytes. Line 0: written in C++.
#pragma once

#include <compare>
#include <memory>
#include <string>

namespace tapeloop {

struct Source {
  std::shared_ptr<const std::string> file;  // as the user named it; null: built through the C++ API
  int line = 0;
  int column = 0;

  bool known() const { return line > 0; }
  // "gru.yaml:9:6", "gru.yaml:9" where only the line counts, "(C++)" where nothing is known.
  std::string text(bool with_column = true) const;
};

}  // namespace tapeloop
