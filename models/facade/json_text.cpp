#include "models/facade/json_text.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>

namespace tapeloop {
namespace {

template <class T>
void append(const Array<T>& array, std::size_t depth, std::size_t& next, std::string& text) {
  if (depth == array.dims.size()) {
    text += json_number(static_cast<double>(array.data[next++]));
    return;
  }
  text += '[';
  for (std::int64_t k = 0; k < array.dims[depth]; ++k) {
    if (k > 0) text += ", ";
    append(array, depth + 1, next, text);
  }
  text += ']';
}

}  // namespace

std::string json_number(double value) {
  if (std::isfinite(value)) return fmt::format("{:.17g}", value);
  return std::isnan(value) ? "\"nan\"" : value > 0 ? "\"inf\"" : "\"-inf\"";
}

std::string json_quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      result += c;
    }
  }
  return result + "\"";
}

template <class T>
std::string json_array(const Array<T>& array) {
  std::string text;
  std::size_t next = 0;
  append(array, 0, next, text);
  return text;
}

template std::string json_array(const Array<float>&);
template std::string json_array(const Array<double>&);

}  // namespace tapeloop
