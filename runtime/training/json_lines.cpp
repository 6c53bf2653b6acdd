// JSON lines: an object a line.
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "runtime/training/records.h"

namespace tapeloop {
namespace {

using Json = nlohmann::ordered_json;

// Numbers that lie as a full array become one; else a list of values.
Value value_of(const Json& json) {
  if (json.is_string()) return text_value(json.get_ref<const std::string&>());
  if (!json.is_array()) return number_value(json.is_boolean() ? static_cast<double>(json.get<bool>()) : json.get<double>());
  Value list;
  list.kind = Value::Kind::kList;
  for (const Json& item : json) list.items.push_back(value_of(item));
  return list;
}

// Something in it that a value may not be: "null", "an object"; empty if there is none.
std::string unfit(const Json& json) {
  if (json.is_null()) return "null";
  if (json.is_object()) return "an object";
  if (!json.is_array()) return "";
  for (const Json& item : json) {
    std::string found = unfit(item);
    if (!found.empty()) return found;
  }
  return "";
}

class JsonLines : public Records {
 public:
  JsonLines(std::vector<Json> rows, std::vector<int> lines, std::shared_ptr<const std::string> file)
      : rows_(std::move(rows)), lines_(std::move(lines)), file_(std::move(file)) {
    if (rows_.empty()) return;
    for (const auto& entry : rows_.front().items()) columns_.push_back(entry.key());
  }
  std::size_t rows() const override { return rows_.size(); }
  const std::vector<std::string>& columns() const override { return columns_; }
  Value value(std::size_t row, std::size_t column) const override { return value_of(rows_[row].at(columns_[column])); }
  Source source(std::size_t row, std::size_t) const override { return {file_, lines_[row], 1}; }

 private:
  std::vector<Json> rows_;
  std::vector<int> lines_;
  std::shared_ptr<const std::string> file_;
  std::vector<std::string> columns_;
};

class JsonReader {
 public:
  JsonReader(std::string_view text, std::shared_ptr<const std::string> file, Diagnostics& diagnostics)
      : text_(text), file_(std::move(file)), diagnostics_(diagnostics) {}

  std::unique_ptr<Records> read() {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
    while (!text_.empty() && errors_ < kMostErrors) {
      ++line_;
      const std::size_t end = std::min(text_.find('\n'), text_.size());
      const std::string_view line = text_.substr(0, end);
      text_.remove_prefix(std::min(end + 1, text_.size()));
      if (line.find_first_not_of(" \t\r") != std::string_view::npos) read_line(line);
    }
    return std::make_unique<JsonLines>(std::move(rows_), std::move(lines_), file_);
  }

 private:
  static constexpr int kMostErrors = 20;
  static constexpr int kMostDepth = 64;

  void read_line(std::string_view line) {
    std::vector<std::set<std::string>> keys;
    std::string twice;
    bool deep = false;
    const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
      deep = deep || depth > kMostDepth;
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) twice = parsed.get<std::string>();
      return !deep;
    };
    const Json json = Json::parse(line, watch, false);
    if (deep) return error("lists are nested more than " + std::to_string(kMostDepth) + " deep");
    if (json.is_discarded() || !json.is_object() || json.empty()) return error("this line is no JSON object with a key");
    if (!twice.empty()) return error("the key '" + twice + "' is given twice");
    for (const auto& entry : json.items()) {
      if (!rows_.empty() && !rows_.front().contains(entry.key())) return error("the key '" + entry.key() + "' is not in the first line");
      const std::string found = unfit(entry.value());
      if (!found.empty()) return error("'" + entry.key() + "' has " + found + "; expected texts, numbers and lists of these");
    }
    if (!rows_.empty() && rows_.front().size() != json.size()) return error("this line lacks a key of the first");
    rows_.push_back(json);
    lines_.push_back(line_);
  }

  void error(std::string message) {
    ++errors_;
    diagnostics_.error("E0757", {file_, line_, 1}, std::move(message), "each line is an object with the keys of the first");
  }

  std::string_view text_;
  std::shared_ptr<const std::string> file_;
  Diagnostics& diagnostics_;
  std::vector<Json> rows_;
  std::vector<int> lines_;
  int line_ = 0;
  int errors_ = 0;
};

}  // namespace

std::unique_ptr<Records> read_json_lines(std::string_view text, std::shared_ptr<const std::string> file, Diagnostics& diagnostics) {
  return JsonReader(text, std::move(file), diagnostics).read();
}

}  // namespace tapeloop
