#include "core/expression.h"

#include <array>
#include <charconv>
#include <cmath>
#include <string_view>

namespace tapeloop {
namespace {

// How tightly a text binds; a part that binds less than its place asks for gets parentheses.
enum Level { kComparison, kSum, kProduct, kSign, kAtom };

Level level_of(const Expression& e) {
  if (e.kind == Expression::Kind::kNumber) return std::signbit(e.number) ? kSign : kAtom;
  if (e.kind != Expression::Kind::kCall) return kAtom;
  const std::string_view op = e.text;
  if (op == "neg" && e.args.size() == 1 && e.options.empty()) return kSign;
  if (e.args.size() != 2 || !e.options.empty()) return kAtom;
  if (op == "<" || op == "<=" || op == ">" || op == ">=" || op == "==" || op == "!=") return kComparison;
  if (op == "+" || op == "-") return kSum;
  if (op == "*" || op == "/" || op == "@") return kProduct;
  return op == "**" ? kSign : kAtom;
}

void write(const Expression& e, Level least, std::string& out);

void write(const ExpressionPtr& e, Level least, std::string& out) {
  if (e) {
    write(*e, least, out);
  } else {
    out += '?';  // an equation that could not be read
  }
}

// Whether `joined` and then `op` in one product want parentheses: a * b @ c, a / b @ c, a @ b * c.
bool clash(std::string_view joined, std::string_view op) { return op == "@" ? joined == "*" || joined == "/" : op == "*" && joined == "@"; }

void write_binary(const Expression& e, Level own, std::string& out) {
  const Expression* left = e.args[0].get();
  const bool parted = own == kProduct && left && level_of(*left) == kProduct && clash(left->text, e.text);
  write(e.args[0], parted ? kAtom : own, out);
  out += ' ' + e.text + ' ';
  write(e.args[1], static_cast<Level>(own + 1), out);
}

void write_ranges(const std::vector<ForRange>& ranges, std::string& out) {
  for (std::size_t k = 0; k < ranges.size(); ++k) {
    const ForRange& range = ranges[k];
    out += (k ? ", " : "") + range.index + " in ";
    if (range.first) {
      write(range.first, kSum, out);
      out += "..";
      write(range.last, kSum, out);
      continue;
    }
    out += '[';
    for (std::size_t w = 0; w < range.words.size(); ++w) out += (w ? ", " : "") + range.words[w];
    out += ']';
  }
}

void write_list(const std::vector<ExpressionPtr>& items, std::string& out) {
  for (std::size_t k = 0; k < items.size(); ++k) {
    if (k) out += ", ";
    write(items[k], kComparison, out);
  }
}

void write_call(const Expression& e, std::string& out) {
  out += e.text + '(';
  write_list(e.args, out);
  for (std::size_t k = 0; k < e.options.size(); ++k) {
    if (k || !e.args.empty()) out += ", ";
    out += e.options[k].first + '=';
    write(e.options[k].second, kComparison, out);
  }
  out += ')';
}

// The first tap along t by a plain whole number is a suffix, the others stand in brackets.
void write_name(const Expression& e, std::string& out) {
  out += e.text;
  const auto is_suffix = [](const TapText& tap) {
    if (tap.axis != "t" || tap.sign == 0 || !tap.offset || tap.offset->kind != Expression::Kind::kNumber) return false;
    const double steps = tap.offset->number;
    return steps >= 0 && steps == std::floor(steps) && steps < 1e9;
  };
  const TapText* suffix = nullptr;
  for (const TapText& tap : e.taps) {
    if (!suffix && is_suffix(tap)) suffix = &tap;
  }
  if (suffix) out += (suffix->sign < 0 ? "_tm" : "_tp") + number_text(suffix->offset->number);
  char opening = '[';
  for (const TapText& tap : e.taps) {
    if (&tap == suffix) continue;
    out += opening == '[' ? "[" : ", ";
    opening = ',';
    out += tap.axis;
    if (tap.sign == 0) continue;
    out += tap.sign < 0 ? '-' : '+';
    write(tap.offset, kAtom, out);
  }
  if (opening == ',') out += ']';
}

void write_bare(const Expression& e, Level own, std::string& out) {
  switch (e.kind) {
    case Expression::Kind::kNumber:
      out += number_text(e.number);
      return;
    case Expression::Kind::kName:
      write_name(e, out);
      return;
    case Expression::Kind::kList:
      out += '[';
      write_list(e.args, out);
      out += ']';
      return;
    case Expression::Kind::kSeries:
      write(e.args.at(0), kComparison, out);
      out += " for ";
      write_ranges(e.ranges, out);
      return;
    case Expression::Kind::kCall:
      break;
  }
  if (own == kAtom) {
    write_call(e, out);
  } else if (own != kSign) {
    write_binary(e, own, out);
  } else if (e.text == "neg") {
    out += '-';
    write(e.args[0], kSign, out);
  } else {  // a ** b: the base is an atom, the exponent may have a sign or a power of its own
    write(e.args[0], kAtom, out);
    out += " ** ";
    write(e.args[1], kSign, out);
  }
}

void write(const Expression& e, Level least, std::string& out) {
  const Level own = level_of(e);
  if (own < least) out += '(';
  write_bare(e, own, out);
  if (own < least) out += ')';
}

}  // namespace

ExpressionPtr make_number(double value, Source source) {
  auto result = std::make_shared<Expression>();
  result->kind = Expression::Kind::kNumber;
  result->source = std::move(source);
  result->number = value;
  return result;
}

ExpressionPtr make_name(std::string name, Source source, std::vector<TapText> taps) {
  auto result = std::make_shared<Expression>();
  result->kind = Expression::Kind::kName;
  result->source = std::move(source);
  result->text = std::move(name);
  result->taps = std::move(taps);
  return result;
}

ExpressionPtr make_call(std::string op, std::vector<ExpressionPtr> args, Source source,
                        std::vector<std::pair<std::string, ExpressionPtr>> options) {
  auto result = std::make_shared<Expression>();
  result->kind = Expression::Kind::kCall;
  result->source = std::move(source);
  result->text = std::move(op);
  result->args = std::move(args);
  result->options = std::move(options);
  return result;
}

std::string to_text(const Expression& expression) {
  std::string out;
  write(expression, kComparison, out);
  return out;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 64> buffer{};
  const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
  const auto end = whole ? std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed)
                         : std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), end.ptr};
}

}  // namespace tapeloop
