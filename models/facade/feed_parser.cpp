// Reads a feed event by event, so that a key given twice is seen: the library's own tree keeps the last one silently.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "models/facade/feed.h"
#include "models/facade/json_text.h"
#include "runtime/training/atomic_file.h"

namespace tapeloop {
namespace {

constexpr std::size_t kMaxDepth = 64;  // lists in lists

class FeedHandler : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit FeedHandler(Feed& feed) : feed_(feed) {}
  const std::string& message() const { return message_; }

  bool null() override { return refuse("null"); }
  bool boolean(bool value) override { return number(value ? 1 : 0); }
  bool number_integer(number_integer_t value) override { return number(static_cast<double>(value)); }
  bool number_unsigned(number_unsigned_t value) override { return number(static_cast<double>(value)); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return number(value); }
  bool string(string_t& value) override { return refuse("the text \"" + value + "\""); }
  bool binary(binary_t& /*value*/) override { return refuse("binary data"); }

  bool start_object(std::size_t /*size*/) override {
    if (++depth_ > 2) return fail(fmt::format("{}: expected numbers in lists, found an object", place()));
    return true;
  }
  bool end_object() override {
    --depth_;
    return true;
  }

  bool key(string_t& key) override {
    if (depth_ == 1) return section(key);
    for (const auto& [name, value] : *arrays_) {
      if (name == key) return fail(fmt::format("'{}' is given twice in {}", key, section_));
    }
    arrays_->emplace_back(key, Nested{});
    return true;
  }

  bool start_array(std::size_t /*size*/) override {
    if (depth_ != 2) return refuse("a list");
    if (lists_.size() == kMaxDepth) return fail(fmt::format("{}: more than {} lists in lists", place(), kMaxDepth));
    lists_.push_back(next(true));
    return true;
  }
  bool end_array() override {
    lists_.pop_back();
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/, const nlohmann::json::exception& error) override {
    const std::string text = error.what();
    const std::size_t colon = text.rfind(": ");
    return fail(fmt::format("no valid JSON at byte {}: {}", position, colon == std::string::npos ? text : text.substr(colon + 2)));
  }

 private:
  bool section(const std::string& key) {
    const std::vector<std::pair<std::string, Feed::Arrays*>> sections = {
        {"parameters", &feed_.parameters}, {"inputs", &feed_.inputs}, {"lengths", &feed_.lengths}, {"cotangents", &feed_.cotangents}};
    for (const auto& [name, arrays] : sections) {
      if (name != key) continue;
      if (std::find(seen_.begin(), seen_.end(), key) != seen_.end()) return fail(fmt::format("'{}' is given twice", key));
      seen_.push_back(key);
      section_ = key;
      arrays_ = arrays;
      return true;
    }
    return fail(fmt::format("unknown key '{}'{}", key, did_you_mean(key, {"parameters", "inputs", "lengths", "cotangents"})));
  }

  // Where the next value goes: the last name's array, or the innermost open list.
  Nested* next(bool is_list) {
    Nested* place = lists_.empty() ? &arrays_->back().second : &lists_.back()->items.emplace_back();
    place->is_list = is_list;
    return place;
  }

  bool number(double value) {
    if (depth_ != 2) return refuse("a number");
    next(false)->number = value;
    return true;
  }

  std::string place() const { return arrays_ && !arrays_->empty() ? fmt::format("'{}'", arrays_->back().first) : "the feed"; }
  bool refuse(const std::string& found) {
    const char* expected = depth_ == 2 ? "numbers in lists" : "an object of named arrays";
    return fail(fmt::format("{}: expected {}, found {}", depth_ == 2 ? place() : "the feed", expected, found));
  }
  bool fail(std::string message) {
    if (message_.empty()) message_ = std::move(message);
    return false;
  }

  Feed& feed_;
  Feed::Arrays* arrays_ = nullptr;
  std::string section_;
  std::vector<std::string> seen_;
  std::vector<Nested*> lists_;  // open; stable, since only the innermost one grows
  std::size_t depth_ = 0;       // open objects
  std::string message_;
};

void append_json(const Nested& nested, std::string& text) {
  if (!nested.is_list) {
    text += json_number(nested.number);
    return;
  }
  text += '[';
  for (const Nested& item : nested.items) {
    if (text.back() != '[') text += ", ";
    append_json(item, text);
  }
  text += ']';
}

}  // namespace

std::string feed_json(const Feed& feed) {
  std::string text;
  for (const auto& [section, arrays] : {std::pair("parameters", &feed.parameters), std::pair("inputs", &feed.inputs),
                                        std::pair("lengths", &feed.lengths), std::pair("cotangents", &feed.cotangents)}) {
    if (arrays->empty()) continue;
    text += fmt::format("{}\"{}\": {{", text.empty() ? "" : ", ", section);
    for (const auto& [name, value] : *arrays) {
      if (text.back() != '{') text += ", ";
      text += json_quoted(name) + ": ";
      append_json(value, text);
    }
    text += '}';
  }
  return "{" + text + "}";
}

const Nested* Feed::find(const Arrays& arrays, std::string_view name) {
  for (const auto& [key, value] : arrays) {
    if (key == name) return &value;
  }
  return nullptr;
}

Feed parse_feed(std::string_view json, const std::string& file) {
  Feed feed;
  feed.file = file;
  FeedHandler handler(feed);
  if (!nlohmann::json::sax_parse(json, &handler)) {
    Diagnostics diagnostics;
    diagnostics.error("E0720", Source{std::make_shared<const std::string>(file), 0, 0}, handler.message(),
                      "a feed is {\"parameters\": {..}, \"inputs\": {..}, \"lengths\": {..}}");
    raise_errors(diagnostics);
  }
  return feed;
}

Feed read_feed(const std::string& path) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 28;
  return parse_feed(read_whole_file(path, kMost), path);
}

}  // namespace tapeloop
