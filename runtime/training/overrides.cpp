// Values from the command line, put into the tree before it is read: they meet the same checks as the file.
#include <algorithm>
#include <utility>

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

// "1e-3", "[1, 2]", "{a: [b, c], \"d.*\": 0}": what YAML calls flow style, of any depth.
class Flow {
 public:
  Flow(std::string_view text, const Source& source) : text_(text), source_(source) {}

  // Text that is no list and no map is one word, as it is.
  Tree read() {
    const std::string whole = trimmed(text_);
    if (whole.empty() || (whole.front() != '[' && whole.front() != '{')) return scalar(whole);
    Tree tree = value();
    skip();
    if (at_ == text_.size() && good_) return tree;
    return scalar(whole);  // an opened list or map is not closed: no key takes that
  }

 private:
  Tree scalar(std::string text) const { return {Tree::Kind::kScalar, source_, std::move(text), {}, {}}; }

  void skip() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    skip();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::string word(std::string_view ends) {
    skip();
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\'')) {
      const std::size_t close = text_.find(text_[at_], at_ + 1);
      if (close != std::string_view::npos) {
        const std::string inside(text_.substr(at_ + 1, close - at_ - 1));
        at_ = close + 1;
        return inside;
      }
    }
    const std::size_t end = std::min(text_.find_first_of(ends, at_), text_.size());
    const std::string_view found = text_.substr(at_, end - at_);
    at_ = end;
    return trimmed(found);
  }

  Tree value() {
    if (take('[')) return list();
    if (take('{')) return map();
    return scalar(word(",]}"));
  }

  Tree list() {
    Tree tree{Tree::Kind::kList, source_, {}, {}, {}};
    while (good_ && !take(']')) {
      tree.list.push_back(value());
      good_ = take(',') || (at_ < text_.size() && text_[at_] == ']');
    }
    return tree;
  }

  Tree map() {
    Tree tree{Tree::Kind::kMap, source_, {}, {}, {}};
    while (good_ && !take('}')) {
      std::string key = word(":,}");
      good_ = take(':');
      if (good_) tree.map.push_back({std::move(key), source_, value()});
      good_ = good_ && (take(',') || (at_ < text_.size() && text_[at_] == '}'));
    }
    return tree;
  }

  std::string_view text_;
  Source source_;
  std::size_t at_ = 0;
  bool good_ = true;
};

// The first of the keys that are joined by dots, and what follows it. In a map whose keys are names of parameters all is one key.
std::pair<std::string, std::string_view> first_key(std::string_view rest, const std::string& path) {
  if (path == "train.rates" || path == "train.start.take" || path == "train.start.vectors") return {std::string(rest), {}};
  const std::size_t dot = rest.find('.');
  return {std::string(rest.substr(0, dot)), dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1)};
}

void apply(Tree& train, const Override& override, const Source& source, Diagnostics& diagnostics) {
  Tree* at = &train;
  std::string done = "train";
  std::string_view rest = override.key;
  while (!rest.empty()) {
    const auto [key, after] = first_key(rest, done);
    if (!at->is_map()) {
      diagnostics.error("E0809", source, "train." + override.key + ": " + done + " is no map, so it has no '" + key + "'");
      return;
    }
    const auto is_key = [&wanted = key](const Tree::Entry& e) { return e.key == wanted; };
    auto entry = std::find_if(at->map.begin(), at->map.end(), is_key);
    if (entry == at->map.end()) {
      at->map.push_back({key, source, Tree{Tree::Kind::kMap, source, {}, {}, {}}});
      entry = std::prev(at->map.end());
    }
    at = &entry->value;
    done += "." + key;
    rest = after;
  }
  *at = Flow(override.value, source).read();
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
