#include "compiler/frontend/equation_tokens.h"

#include <array>
#include <string>

namespace tapeloop {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Scanner {
 public:
  Scanner(std::string_view text, const Source& start, Diagnostics& diagnostics) : text_(text), here_(start), diagnostics_(diagnostics) {}

  std::vector<Token> run() {
    std::vector<Token> result;
    for (skip_blanks(); at_ < text_.size(); skip_blanks()) {
      const std::size_t length = token_length();
      if (length == 0) return {};
      const Token::Kind kind = is_digit(text_[at_])                         ? Token::Kind::kNumber
                               : is_letter(text_[at_]) || text_[at_] == '{' ? Token::Kind::kName
                                                                            : Token::Kind::kSign;
      result.push_back({kind, text_.substr(at_, length), here_});
      advance(length);
    }
    result.push_back({Token::Kind::kEnd, {}, here_});
    return result;
  }

 private:
  char peek(std::size_t offset) const { return at_ + offset < text_.size() ? text_[at_ + offset] : '\0'; }

  void advance(std::size_t length) {
    for (; length > 0; --length, ++at_) {
      if (text_[at_] == '\n') {
        ++here_.line;
        here_.column = 1;
      } else {
        ++here_.column;
      }
    }
  }

  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) advance(1);
  }

  // 0 after reporting.
  std::size_t token_length() {
    if (is_digit(peek(0))) return number_length();
    if (is_letter(peek(0)) || peek(0) == '{') return name_length();
    static constexpr std::array<std::string_view, 6> kPairs = {"..", "**", "<=", ">=", "==", "!="};
    for (const std::string_view pair : kPairs) {
      if (text_.substr(at_, 2) == pair) return 2;
    }
    static constexpr std::string_view kSigns = "-+*/@()[],=<>";
    if (kSigns.find(peek(0)) != std::string_view::npos) return 1;
    report_character();
    return 0;
  }

  // 12, 0.5, 1e-3; "1..n" is 1 and then two points.
  std::size_t number_length() const {
    std::size_t length = digits(0);
    if (peek(length) == '.' && is_digit(peek(length + 1))) length += 1 + digits(length + 1);
    if (peek(length) == 'e' || peek(length) == 'E') {
      const std::size_t sign = peek(length + 1) == '-' || peek(length + 1) == '+' ? 1 : 0;
      if (is_digit(peek(length + 1 + sign))) length += 1 + sign + digits(length + 1 + sign);
    }
    return length;
  }

  std::size_t digits(std::size_t from) const {
    std::size_t count = 0;
    while (is_digit(peek(from + count))) ++count;
    return count;
  }

  // Letters, digits, {...}, and points before one of these. 0 after reporting a { that nothing closes.
  std::size_t name_length() {
    std::size_t length = 0;
    while (true) {
      const char c = peek(length);
      const char after = peek(length + 1);
      const bool inner = c == '.' && (is_letter(after) || is_digit(after) || after == '{');
      if (is_letter(c) || is_digit(c) || inner) {
        ++length;
      } else if (c == '{') {
        const std::size_t end = text_.find_first_of("{}", at_ + length + 1);
        if (end == std::string_view::npos || text_[end] == '{') {
          advance(length);
          diagnostics_.error("E0211", here_, "this '{' has no '}' of its own", "write h{j-1}; there are no braces within braces");
          return 0;
        }
        length = end + 1 - at_;
      } else {
        return length;
      }
    }
  }

  void report_character() {
    std::size_t length = 1;  // a whole UTF-8 character
    while ((static_cast<unsigned char>(peek(length)) & 0xC0U) == 0x80U) ++length;
    const std::string found(text_.substr(at_, length));
    std::string help = "equations are made of names, numbers, + - * / @ ** comparisons, ( ) and [ ]";
    if (found == "'" || found == "\"") help = "words stand without quotes: merge=sum";
    if (found == "^") help = "a power is written a ** b";
    if (found == ".") help = "write 0.5, not .5";
    if (found == "&" || found == "|" || found == "!") help = "write where(a, b, c), or a * b of comparisons";
    if (found == "}") help = "this '}' has no '{' before it";
    diagnostics_.error("E0201", here_, "'" + found + "' has no meaning in an equation", help);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Source here_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::vector<Token> equation_tokens(std::string_view text, const Source& start, Diagnostics& diagnostics) {
  return Scanner(text, start, diagnostics).run();
}

}  // namespace tapeloop
