#include "compiler/frontend/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <new>
#include <set>
#include <sstream>
#include <utility>

#include "compiler/frontend/yaml_slips.h"

namespace tapeloop {
namespace {

// Why reading stops at once; everything else is reported and read past.
struct Stop {
  const char* code;
  YAML::Mark mark;
  std::string message;
  std::string help;
};

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The text by lines, to find a scalar as it was written.
class Lines {
 public:
  Lines(std::string_view text, std::shared_ptr<const std::string> file) : text_(text), file_(std::move(file)) {
    for (std::size_t k = 0; k < text.size(); ++k) {
      if (text[k] == '\n') starts_.push_back(k + 1);
    }
  }

  Source source(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }
  Source source(std::size_t offset) const {
    const auto line = std::upper_bound(starts_.begin(), starts_.end(), offset) - starts_.begin();
    return {file_, static_cast<int>(line), static_cast<int>(offset - starts_[static_cast<std::size_t>(line) - 1]) + 1};
  }

  // Where the scalar in quotes that begins there ends, after its quote; npos if the file ends before. 0: it is in no quotes.
  std::size_t end_of_quoted(const YAML::Mark& mark) const {
    const std::size_t first = content(mark);
    const char quote = first > 0 && first <= text_.size() ? text_[first - 1] : '\0';
    if (quote != '"' && quote != '\'') return 0;
    for (std::size_t at = first; at < text_.size(); ++at) {
      if (quote == '"' && text_[at] == '\\') {
        ++at;
      } else if (text_[at] == quote) {
        if (quote == '"' || at + 1 == text_.size() || text_[at + 1] != quote) return at + 1;
        ++at;
      }
    }
    return std::string_view::npos;
  }

  // A scalar with the source of its first character; over several lines, as written (see the header).
  Tree scalar(const YAML::Mark& mark, const std::string& value) const {
    Tree tree;
    tree.source = source(mark);
    tree.scalar = value;
    std::size_t begin = content(mark);
    while (begin < text_.size() && is_blank(text_[begin])) ++begin;
    const std::size_t end = matched(begin, value);
    if (end == begin) return tree;
    const std::string_view written = text_.substr(begin, end - begin);
    tree.source = source(begin);
    if (written.find('\n') != std::string_view::npos) {
      tree.scalar = written;
    } else {
      tree.source.column -= static_cast<int>(value.find_first_not_of(" \t\r\n"));  // blanks within the quotes
    }
    return tree;
  }

 private:
  // Where the characters of a scalar begin: after a quote, on the line after | or >.
  std::size_t content(const YAML::Mark& mark) const {
    const auto line = static_cast<std::size_t>(mark.line);
    if (line >= starts_.size()) return text_.size();
    const std::size_t offset = starts_[line] + static_cast<std::size_t>(mark.column);
    const char first = offset < text_.size() ? text_[offset] : '\0';
    if (first == '"' || first == '\'') return offset + 1;
    if (first != '|' && first != '>') return offset;
    return line + 1 < starts_.size() ? starts_[line + 1] : text_.size();
  }

  // The end of `value` in the text from `begin` on, blanks and line breaks aside; `begin` if it is written otherwise there
  // (escapes in quotes).
  std::size_t matched(std::size_t begin, std::string_view value) const {
    std::size_t at = begin;
    std::size_t end = begin;
    for (const char c : value) {
      if (is_blank(c)) continue;
      while (at < text_.size() && is_blank(text_[at])) ++at;
      if (at == text_.size() || text_[at] != c) return begin;
      end = ++at;
    }
    return end;
  }

  std::string_view text_;
  std::shared_ptr<const std::string> file_;
  std::vector<std::size_t> starts_ = {0};
};

// Builds the tree from yaml-cpp's events, within the budgets.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const Lines& lines, Diagnostics& diagnostics) : lines_(lines), diagnostics_(diagnostics) {}

  // The last text in quotes that goes on over several lines, and the line in which it ends: it may have swallowed what follows it.
  struct LongQuote {
    Source begin;
    int last = 0;
  };
  const std::optional<LongQuote>& long_quote() const { return long_quote_; }

  // Nothing if there was no document, or one that no tree can stand for.
  std::optional<Tree> take() { return usable_ ? std::move(root_) : std::nullopt; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0)
      throw Stop{"E0107", mark, "a second document begins here", "one file holds one container: remove '---' and what follows"};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check(mark, "", anchor);
    Tree tree;
    tree.source = open_.empty() || !open_.back().has_key ? lines_.source(mark) : open_.back().key_source;
    finish(std::move(tree));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    count(mark);
    diagnostics_.error("E0109", lines_.source(mark), "aliases are not read",
                       "write the value out; `for` blocks repeat what differs in an index");
    usable_ = false;
    finish({});
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    check(mark, tag, anchor);
    if (tag == "!") check_quotes(mark);
    finish(lines_.scalar(mark, value));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(Tree::Kind::kList, mark, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(Tree::Kind::kMap, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Tree tree;
    std::set<std::string> keys;
    bool has_key = false;  // a value is next
    bool dropped = false;  // the value belongs to a key that was refused
    std::string key;
    Source key_source;
  };

  void count(const YAML::Mark& mark) {
    if (++nodes_ > kMaxYamlNodes) {
      throw Stop{"E0104", mark, "more than " + std::to_string(kMaxYamlNodes) + " values",
                 "a container this large is written with `for` blocks"};
    }
  }

  void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    count(mark);
    if (anchor != 0)
      diagnostics_.error("E0109", lines_.source(mark), "anchors are not read", "remove '&...': every value is written where it stands");
    if (!tag.empty() && tag != "?" && tag != "!") {
      diagnostics_.error("E0110", lines_.source(mark), "the tag '" + tag + "' is not read",
                         "remove it: every value is text, and its place says what it means");
    }
  }

  void check_quotes(const YAML::Mark& mark) {
    const std::size_t end = lines_.end_of_quoted(mark);
    if (end == std::string_view::npos)
      throw Stop{"E0105", mark, "the text is not YAML: the quote that opens here is never closed", "close it, or leave both quotes out"};
    const int last = lines_.source(end).line;
    if (end > 0 && last > mark.line + 1) long_quote_ = {lines_.source(mark), last};
  }

  void open(Tree::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    check(mark, tag, anchor);
    if (static_cast<int>(open_.size()) >= kMaxYamlDepth) {
      throw Stop{"E0103", mark, "nested deeper than " + std::to_string(kMaxYamlDepth) + " levels",
                 "no container needs that: is a bracket missing?"};
    }
    Frame frame;
    frame.tree.kind = kind;
    frame.tree.source = lines_.source(mark);
    open_.push_back(std::move(frame));
  }

  void close() {
    Tree tree = std::move(open_.back().tree);
    open_.pop_back();
    finish(std::move(tree));
  }

  void finish(Tree tree) {
    if (open_.empty()) {
      root_ = std::move(tree);
      return;
    }
    Frame& frame = open_.back();
    if (frame.tree.is_list()) {
      frame.tree.list.push_back(std::move(tree));
    } else if (!frame.has_key) {
      take_key(frame, std::move(tree));
    } else {
      if (!frame.dropped) frame.tree.map.push_back({std::move(frame.key), frame.key_source, std::move(tree)});
      frame.has_key = false;
    }
  }

  void take_key(Frame& frame, Tree key) {
    frame.has_key = true;
    frame.key_source = key.source;
    frame.dropped = !key.is_scalar() || key.scalar.empty() || !frame.keys.insert(key.scalar).second;
    if (!key.is_scalar() || key.scalar.empty()) {
      diagnostics_.error("E0111", key.source, key.is_scalar() ? "a value without a key" : "a list or a map stands where a key was expected",
                         "a key that starts with { or [ needs quotes: \"{k}\": ...");
      usable_ = false;
    } else if (frame.dropped) {
      std::string first;
      for (const Tree::Entry& entry : frame.tree.map) {
        if (entry.key == key.scalar) first = " (first on line " + std::to_string(entry.source.line) + ")";
      }
      const bool block = key.scalar.starts_with("for ");
      diagnostics_.error("E0108", key.source, "'" + key.scalar + "' is given twice" + first,
                         block ? "put what both hold into one block" : "remove one of them or give it another name");
    }
    frame.key = std::move(key.scalar);
  }

  const Lines& lines_;
  Diagnostics& diagnostics_;
  std::vector<Frame> open_;
  std::optional<Tree> root_;
  std::optional<LongQuote> long_quote_;
  int documents_ = 0;
  int nodes_ = 0;
  bool usable_ = true;
};

// The offset of the first byte that is no UTF-8 text (control characters are none), or the size.
std::size_t valid_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto c = static_cast<unsigned char>(text[at]);
    const std::size_t length = c < 0x80 ? 1 : c >= 0xC2 && c < 0xE0 ? 2 : c >= 0xE0 && c < 0xF0 ? 3 : c >= 0xF0 && c < 0xF5 ? 4 : 0;
    if (length == 0 || at + length > text.size() || (c < 0x20 && !is_blank(text[at])) || c == 0x7F) return at;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[at + k]) & 0xC0U) != 0x80U) return at;
    }
    const unsigned char second = length > 1 ? static_cast<unsigned char>(text[at + 1]) : 0;
    const bool overlong = (c == 0xE0 && second < 0xA0) || (c == 0xF0 && second < 0x90);
    const bool surrogate = c == 0xED && second >= 0xA0;
    if (overlong || surrogate || (c == 0xF4 && second >= 0x90)) return at;
    at += length;
  }
  return at;
}

std::optional<Tree> parse(std::string_view text, TreeBuilder& builder) {
  std::istringstream stream{std::string(text)};
  YAML::Parser parser(stream);
  while (parser.HandleNextDocument(builder)) {
  }
  return builder.take();
}

// The words of yaml-cpp and where; an alias that nothing defines is reported as what it is.
void report(const YAML::Exception& exception, std::string_view text, const Lines& lines, const TreeBuilder& builder,
            Diagnostics& diagnostics) {
  const Source source = lines.source(exception.mark.is_null() ? YAML::Mark() : exception.mark);
  if (exception.msg.find("anchor") != std::string::npos) {
    diagnostics.error("E0109", source, "aliases are not read", "a value that starts with * or & needs quotes");
    return;
  }
  if (const auto& quote = builder.long_quote(); quote && source.line <= quote->last + 1) {
    diagnostics.error("E0105", quote->begin,
                      "the text is not YAML: the quote that opens here is closed in line " + std::to_string(quote->last) + " only",
                      "close it in its own line, or leave both quotes out");
    return;
  }
  const std::size_t noticed = exception.mark.is_null() ? 0 : std::min(static_cast<std::size_t>(exception.mark.pos), text.size());
  std::optional<YamlSlip> slip;
  if (exception.msg.find("flow not found") != std::string::npos) slip = find_unclosed_bracket(text, noticed);
  if (exception.msg.find("illegal map value") != std::string::npos) slip = find_key_without_colon(text, noticed);
  if (slip) {
    diagnostics.error("E0105", lines.source(slip->at), "the text is not YAML: " + slip->message, slip->help);
    return;
  }
  diagnostics.error("E0105", source, "the text is not YAML: " + exception.msg,
                    "a value that holds ': ' or ' #', or starts with one of { [ ] } & * ! | > % @ `, needs quotes; tabs do not indent");
}

}  // namespace

std::optional<Tree> read_yaml(std::string_view text, std::shared_ptr<const std::string> file, Diagnostics& diagnostics) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const Lines lines(text, std::move(file));
  const Source whole = lines.source(std::size_t{0});
  if (text.size() > kMaxYamlBytes) {
    diagnostics.error("E0102", whole,
                      "a file of " + std::to_string(text.size()) + " bytes; at most " + std::to_string(kMaxYamlBytes) + " are read",
                      "a container this large is written with `for` blocks");
    return std::nullopt;
  }
  if (const std::size_t valid = valid_utf8(text); valid < text.size()) {
    diagnostics.error("E0101", lines.source(valid), "a byte that is no UTF-8 text", "save the file as UTF-8, without control characters");
    return std::nullopt;
  }
  TreeBuilder builder(lines, diagnostics);
  try {
    const std::size_t before = diagnostics.errors();
    std::optional<Tree> tree = parse(text, builder);
    const bool empty = tree ? tree->is_scalar() && tree->scalar.empty() : diagnostics.errors() == before;
    if (!empty) return tree;
    diagnostics.error("E0106", whole, "the file is empty", "a container begins with 'tapeloop: 1'");
  } catch (const Stop& stop) {
    diagnostics.error(stop.code, lines.source(stop.mark), stop.message, stop.help);
  } catch (const YAML::Exception& exception) {
    report(exception, text, lines, builder, diagnostics);
  } catch (const std::bad_alloc&) {
    diagnostics.error("E0105", whole, "the text is not YAML: reading it takes too much memory", "look for a bracket that is not closed");
  }
  return std::nullopt;
}

}  // namespace tapeloop
