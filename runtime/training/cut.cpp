#include "runtime/training/cut.h"

#include <algorithm>

namespace tapeloop {
namespace {

constexpr const char* kBlanks = " \t\r\n";

// Bytes of the character that begins here; 0 for what begins none.
std::size_t character_bytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t size = lead < 0x80                   ? 1
                           : lead >= 0xC2 && lead < 0xE0 ? 2
                           : lead >= 0xE0 && lead < 0xF0 ? 3
                           : lead >= 0xF0 && lead < 0xF5 ? 4
                                                         : 0;
  if (size == 0 || text.size() < size) return 0;
  const auto follows = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  return std::all_of(text.begin() + 1, text.begin() + static_cast<std::ptrdiff_t>(size), follows) ? size : 0;
}

const char* kind_of(const Value& value) {
  if (value.kind == Value::Kind::kText) return "text";
  return value.kind == Value::Kind::kArray && value.dims.empty() ? "one number" : "a list";
}

// The items along the first dimension.
Value item_of(const Value& array, std::size_t k) {
  Value item;
  item.kind = Value::Kind::kArray;
  item.dims.assign(array.dims.begin() + 1, array.dims.end());
  const std::size_t size = array.numbers.size() / static_cast<std::size_t>(array.dims[0]);
  const auto from = array.numbers.begin() + static_cast<std::ptrdiff_t>(k * size);
  item.numbers.assign(from, from + static_cast<std::ptrdiff_t>(size));
  return item;
}

void pieces_between(std::string_view text, const std::string& separator, std::vector<std::string_view>& pieces) {
  while (true) {
    const std::size_t end = text.find(separator);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + separator.size());
  }
}

class Cutter {
 public:
  Cutter(const DataInput& input, const CutSink& sink) : input_(input), sink_(sink) {}

  std::string cut(const Value& value, std::size_t axis) {
    if (axis == input_.along.size()) {
      sink_.leaf(value);
      return "";
    }
    std::string wrong = input_.along[axis].by == "items" ? cut_items(value, axis) : cut_text(value, axis);
    sink_.end(axis);
    return wrong;
  }

 private:
  std::string cut_items(const Value& value, std::size_t axis) {
    const bool array = value.kind == Value::Kind::kArray && !value.dims.empty();
    if (!array && value.kind != Value::Kind::kList) return std::string("needs a list of items, found ") + kind_of(value);
    const std::size_t count = kept(array ? static_cast<std::size_t>(value.dims[0]) : value.items.size(), axis);
    for (std::size_t k = 0; k < count; ++k) {
      std::string wrong = cut(array ? item_of(value, k) : value.items[k], axis + 1);
      if (!wrong.empty()) return wrong;
    }
    return "";
  }

  std::size_t kept(std::size_t count, std::size_t axis) const {
    const auto most = static_cast<std::size_t>(input_.along[axis].most);
    return most > 0 ? std::min(most, count) : count;
  }

  std::string cut_text(const Value& value, std::size_t axis) {
    if (value.kind != Value::Kind::kText) return std::string("needs text, found ") + kind_of(value);
    std::vector<std::string_view> pieces;
    if (!input_.empty.empty() && value.text == input_.empty) return "";
    if (!pieces_of(value.text, input_.along[axis].by, pieces)) return "needs text in UTF-8, which this is not";
    pieces.resize(kept(pieces.size(), axis));
    for (const std::string_view piece : pieces) {
      std::string wrong = cut(text_value(piece), axis + 1);
      if (!wrong.empty()) return wrong;
    }
    return "";
  }

  const DataInput& input_;
  const CutSink& sink_;
};

}  // namespace

bool pieces_of(std::string_view text, const std::string& by, std::vector<std::string_view>& pieces) {
  if (by == "words") {
    while ((text = text.substr(std::min(text.find_first_not_of(kBlanks), text.size()))), !text.empty()) {
      const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
      pieces.push_back(text.substr(0, end));
      text.remove_prefix(end);
    }
    return true;
  }
  if (by == "characters") {
    while (!text.empty()) {
      const std::size_t size = character_bytes(text);
      if (size == 0) return false;
      pieces.push_back(text.substr(0, size));
      text.remove_prefix(size);
    }
    return true;
  }
  if (!text.empty()) pieces_between(text, by, pieces);
  return true;
}

std::vector<std::string_view> alternatives_of(std::string_view text, const DataInput& input) {
  std::vector<std::string_view> pieces;
  if (input.alternatives.empty() || text.empty()) return {text};
  pieces_between(text, input.alternatives, pieces);
  return pieces;
}

std::string cut(const Value& value, const DataInput& input, const CutSink& sink) {
  const bool several = !input.alternatives.empty() && value.kind == Value::Kind::kText;
  return Cutter(input, sink).cut(several ? text_value(alternatives_of(value.text, input).front()) : value, 0);
}

std::pair<std::size_t, std::size_t> Packed::points(std::size_t record, std::size_t axes) const {
  std::size_t first = record, last = record + 1;
  for (std::size_t axis = 0; axis < axes; ++axis) {
    first = starts[axis][first];
    last = starts[axis][last];
  }
  return {first, last};
}

}  // namespace tapeloop
