#include "core/source.h"

namespace tapeloop {

std::string Source::text(bool with_column) const {
  if (!known()) return file ? *file : "(C++)";
  std::string result = (file ? *file : std::string("(C++)")) + ":" + std::to_string(line);
  if (with_column) result += ":" + std::to_string(column);
  return result;
}

}  // namespace tapeloop
