#include "compiler/frontend/equation_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "compiler/frontend/equation_tokens.h"

namespace tapeloop {
namespace {

constexpr std::array<std::string_view, 6> kComparisons = {"<", "<=", ">", ">=", "==", "!="};
constexpr std::array<std::string_view, 2> kSums = {"+", "-"};
constexpr std::array<std::string_view, 3> kProducts = {"*", "/", "@"};
constexpr std::array<std::span<const std::string_view>, 3> kLevels = {kComparisons, kSums, kProducts};
constexpr std::size_t kComparisonLevel = 0;
constexpr std::size_t kSumLevel = 1;

// A tree and how many levels it has; no tree: the mistake has been reported.
struct Part {
  ExpressionPtr tree;
  int depth = 0;
  explicit operator bool() const { return tree != nullptr; }
};

// Recursive descent, a function for each rule of the grammar. Each returns nothing after the first mistake.
class Parser {
 public:
  Parser(std::vector<Token> tokens, Diagnostics& diagnostics) : tokens_(std::move(tokens)), diagnostics_(diagnostics) {}

  ExpressionPtr equation() {
    if (tokens_.empty()) return nullptr;
    if (at_end()) {
      error("E0206", "an equation was expected, found nothing", "write one, for example x + 1");
      return nullptr;
    }
    const Part result = binary(0);
    return result && expect_end() ? result.tree : nullptr;
  }

  std::vector<ForRange> all_ranges() {
    if (tokens_.empty()) return {};
    std::vector<ForRange> result;
    if (!ranges(result) || !expect_end()) return {};
    return result;
  }

 private:
  const Token& token() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  bool at_end() const { return token().kind == Token::Kind::kEnd; }
  bool is(std::string_view text) const { return token().text == text; }
  bool is_name() const { return token().kind == Token::Kind::kName; }
  std::string found() const { return at_end() ? "the end" : "'" + std::string(token().text) + "'"; }
  void step() { at_ += at_ + 1 < tokens_.size(); }
  bool take(std::string_view text) {
    if (!is(text)) return false;
    step();
    return true;
  }

  bool error(std::string_view code, std::string message, std::string help = {}) {
    diagnostics_.error(code, token().source, std::move(message), std::move(help));
    return false;
  }
  bool expected(const std::string& what, std::string help = {}) {
    return error("E0202", "expected " + what + ", found " + found(), std::move(help));
  }

  bool expect_end() {
    if (at_end()) return true;
    if (is("=")) return expected("an operator or the end", "equality is written ==; options stand in a call: op(x, units=3)");
    if (is("for")) return expected("an operator or the end", "a series stands alone in a call: sum(E for i in 1..n)");
    const bool value = is_name() || token().kind == Token::Kind::kNumber || is("(");
    return expected("an operator or the end", value ? "a product is written a * b" : "");
  }

  bool expect(std::string_view text, const std::string& help = {}) { return take(text) || expected("'" + std::string(text) + "'", help); }

  Part checked(ExpressionPtr tree, int depth) {
    if (depth <= kMaxExpressionDepth) return {std::move(tree), depth};
    diagnostics_.error("E0204", tree->source, "an equation of more than " + std::to_string(kMaxExpressionDepth) + " levels",
                       "give parts of it names of their own, or use a series");
    return {};
  }

  // REQUIRES: level <= kLevels.size()
  Part binary(std::size_t level) {
    if (level == kLevels.size()) return sign();
    const Source start = token().source;
    Part left = binary(level + 1);
    std::string joined;
    const auto is_operator = [&] { return std::ranges::any_of(kLevels[level], [&](std::string_view op) { return is(op); }); };
    while (left && is_operator()) {
      const std::string op(token().text);
      const bool before = op == "@" && (joined == "*" || joined == "/");
      if (before || (op == "*" && joined == "@")) {
        error("E0203", "'" + joined + "' and '" + op + "' in one product: which comes first is easily misread",
              "add parentheses: (a @ b) * c, or a * (b @ c)");
        return {};
      }
      if (level == kComparisonLevel && !joined.empty()) {
        error("E0203", "'" + joined + "' and '" + op + "' in a row: the second would compare true or false",
              "for both at once write (a < b) * (b < c)");
        return {};
      }
      step();
      const Part right = binary(level + 1);
      if (!right) return {};
      left = checked(make_call(op, {left.tree, right.tree}, start), std::max(left.depth, right.depth) + 1);
      joined = op;
    }
    return left;
  }

  Part sign() {
    const Source start = token().source;
    if (is("-")) {
      step();
      if (!enter()) return {};
      const Part value = sign();
      --nesting_;
      return value ? checked(make_call("neg", {value.tree}, start), value.depth + 1) : Part{};
    }
    Part base = atom();
    if (!base || !is("**")) return base;
    step();
    if (!enter()) return {};
    const Part exponent = sign();
    --nesting_;
    if (!exponent) return {};
    return checked(make_call("**", {base.tree, exponent.tree}, start), std::max(base.depth, exponent.depth) + 1);
  }

  // One level deeper; whoever enters leaves with --nesting_.
  bool enter() {
    if (++nesting_ <= kMaxNesting) return true;
    return error("E0204", "an equation nested deeper than " + std::to_string(kMaxNesting) + " levels",
                 "give parts of it names of their own");
  }

  Part atom() {
    if (is("(")) return parenthesis();
    if (token().kind == Token::Kind::kNumber) return number();
    if (is_name() && !is("for")) return next().text == "(" ? call() : name();
    expected("a value", is("+") ? "there is no sign +" : is("[") ? "lists stand only after an option: op(x, sizes=[1, 2])" : "");
    return {};
  }

  Part parenthesis() {
    if (!enter()) return {};
    step();
    Part inside = binary(0);
    --nesting_;
    if (!inside || !expect(")")) return {};
    return inside;
  }

  Part number() {
    double value = 0;
    const std::string_view text = token().text;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end.ec != std::errc{}) {
      error("E0202", "the number " + std::string(text) + " is too large or too small", "a number has at most 308 digits; infinity is inf");
      return {};
    }
    Part result{make_number(value, token().source), 1};
    step();
    return result;
  }

  // False after a mistake within the {...} of a name.
  bool check_braces() {
    return token().text.find('{') == std::string_view::npos || !parse_name_parts(token().text, token().source, diagnostics_).empty();
  }

  Part name() {
    if (!check_braces()) return {};
    const Source start = token().source;
    std::string text(token().text);
    std::vector<TapText> all;
    step();
    if (is("[") && !taps(all)) return {};
    return {make_name(std::move(text), start, std::move(all)), 1};
  }

  // [u-1, i+2, s]
  bool taps(std::vector<TapText>& all) {
    do {
      step();  // [ or ,
      if (!is_name()) return expected("the name of an axis", "a tap is written h[u-1]");
      if (!check_braces()) return false;
      TapText tap{std::string(token().text), 0, nullptr, token().source};
      for (const TapText& other : all) {
        if (other.axis == tap.axis) return error("E0208", "axis '" + tap.axis + "' is given twice in one tap", "give each axis once");
      }
      step();
      if (is("+") || is("-")) {
        tap.sign = is("+") ? 1 : -1;
        step();
        const Part offset = atom();
        if (!offset) return false;
        tap.offset = offset.tree;
      }
      all.push_back(std::move(tap));
    } while (is(","));
    return expect("]", "a tap is written h[u-1] or h[u-1, i+2]");
  }

  Part call() {
    if (!check_braces() || !enter()) return {};
    auto result = std::make_shared<Expression>();
    result->kind = Expression::Kind::kCall;
    result->source = token().source;
    result->text = token().text;
    step();
    step();
    int depth = 0;
    if (!arguments(*result, depth)) return {};
    --nesting_;
    return checked(std::move(result), depth + 1);
  }

  // After "(", to and with ")".
  bool arguments(Expression& call, int& depth) {
    while (!is(")")) {
      if (is_name() && next().text == "=") {
        if (!option(call, depth)) return false;
      } else {
        Part argument = binary(0);
        if (!argument) return false;
        if (is("for")) return series(call, argument, depth);
        depth = std::max(depth, argument.depth);
        call.args.push_back(argument.tree);
      }
      if (!is(")") && !take(",")) return argument_expected(call);
    }
    step();
    return true;
  }

  bool argument_expected(const Expression& call) {
    if (is("=")) return expected("',' or ')' in " + call.text + "(...)", "equality is written ==");
    return expected("',' or ')' in " + call.text + "(...)", at_end() ? "close the parenthesis" : "arguments are parted by commas");
  }

  bool option(Expression& call, int& depth) {
    const std::string key(token().text);
    if (key.find_first_of("{.") != std::string::npos) return expected("the name of an option", "options have plain names: units=3");
    for (const auto& [other, value] : call.options) {
      if (other == key) return error("E0207", "option '" + key + "' is given twice in " + call.text + "(...)", "keep one of them");
    }
    step();
    step();
    const Part value = is("[") ? list() : binary(0);
    if (!value) return false;
    depth = std::max(depth, value.depth);
    call.options.emplace_back(key, value.tree);
    return true;
  }

  Part list() {
    auto result = std::make_shared<Expression>();
    result->kind = Expression::Kind::kList;
    result->source = token().source;
    int depth = 0;
    step();
    while (!is("]")) {
      const Part item = binary(0);
      if (!item) return {};
      depth = std::max(depth, item.depth);
      result->args.push_back(item.tree);
      if (!is("]") && !expect(",", "items of a list are parted by commas")) return {};
    }
    step();
    return checked(std::move(result), depth + 1);
  }

  bool series(Expression& call, const Part& body, int& depth) {
    if (!call.args.empty() || !call.options.empty()) {
      return error("E0209", "a series is the only argument of " + call.text + "(...)",
                   "give the series a node of its own: s: " + call.text + "(E for i in 1..n)");
    }
    step();
    auto result = std::make_shared<Expression>();
    result->kind = Expression::Kind::kSeries;
    result->source = body.tree->source;
    result->args = {body.tree};
    depth = body.depth + 1;
    if (!ranges(result->ranges) || !expect(")", "a series ends with its ranges: sum(E for i in 1..n)")) return false;
    call.args.push_back(std::move(result));
    return true;
  }

  bool ranges(std::vector<ForRange>& all) {
    do {
      if (!all.empty()) step();  // the comma
      ForRange range;
      range.source = token().source;
      range.index = token().text;
      if (!is_name() || !is_identifier(range.index)) return bad_range("the name of an index");
      step();
      if (!take("in")) return bad_range("'in'");
      if (!(is("[") ? words(range.words) : bounds(range))) return false;
      all.push_back(std::move(range));
    } while (is(","));
    return true;
  }

  bool bad_range(const std::string& what) {
    return error("E0210", "expected " + what + ", found " + found(), "a range is written i in 1..layers, or k in [i, f, o]");
  }

  bool bounds(ForRange& range) {
    const Part first = binary(kSumLevel);
    if (!first) return false;
    if (!take("..")) return bad_range("'..'");
    const Part last = binary(kSumLevel);
    range.first = first.tree;
    range.last = last.tree;
    return static_cast<bool>(last);
  }

  bool words(std::vector<std::string>& all) {
    do {
      step();  // [ or ,
      if (!is_name() && token().kind != Token::Kind::kNumber) return bad_range("a word");
      if (!check_braces()) return false;
      all.emplace_back(token().text);
      step();
    } while (is(","));
    return take("]") || bad_range("',' or ']'");
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int nesting_ = 0;
  Diagnostics& diagnostics_;
};

std::vector<Token> tokens_within_limit(std::string_view text, const Source& start, Diagnostics& diagnostics) {
  if (text.size() <= kMaxEquationBytes) return equation_tokens(text, start, diagnostics);
  diagnostics.error("E0205", start,
                    "an equation of " + std::to_string(text.size()) + " bytes; at most " + std::to_string(kMaxEquationBytes) + " are read",
                    "give parts of it names of their own");
  return {};
}

}  // namespace

ExpressionPtr parse_equation(std::string_view text, const Source& start, Diagnostics& diagnostics) {
  return Parser(tokens_within_limit(text, start, diagnostics), diagnostics).equation();
}

std::vector<ForRange> parse_ranges(std::string_view text, const Source& start, Diagnostics& diagnostics) {
  return Parser(tokens_within_limit(text, start, diagnostics), diagnostics).all_ranges();
}

}  // namespace tapeloop
