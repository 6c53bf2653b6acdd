// Equations as trees. The parser makes them from text, the C++ API from operators; expand turns them into nodes.
//
//   equation := sum {('<' | '<=' | '>' | '>=' | '==' | '!=') sum}     '*' or '/' beside '@' want parentheses
//   sum      := product {('+' | '-') product}
//   product  := sign {('*' | '/' | '@') sign}
//   sign     := '-' sign | atom ['**' sign]
//   atom     := number | '(' equation ')' | name ['[' axis [('+' | '-') number] {',' ...} ']'] | op '(' arguments ')'
//   arguments:= {equation ','} {option '=' (equation | '[' equation {',' equation} ']') ','}  |  equation 'for' ranges
//   ranges   := index 'in' (first '..' last | '[' word {',' word} ']') {',' index 'in' ...}
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/source.h"

namespace tapeloop {

struct Expression;
using ExpressionPtr = std::shared_ptr<const Expression>;  // immutable, shared

// One range of a `for`: `j in 1..layers` or `k in [i, f, o]`.
struct ForRange {
  std::string index;
  Source source;
  ExpressionPtr first, last;       // set, or words
  std::vector<std::string> words;  // may hold {...}
};

struct TapText {
  std::string axis;      // name in the container; may hold {...}
  int sign = 0;          // +1, -1, or 0 for `[u]`
  ExpressionPtr offset;  // a number known before the run; null when sign is 0
  Source source;
};

struct Expression {
  // kNumber: number.  kName: text (raw, `h{j-1}_tm1` is not split yet) and taps.  kList: args (option values only).
  // kCall: text is the op (or '+', '-', '*', '/', '@', '**', 'neg', '<' ...), args, options.
  // kSeries: only as sole argument of a call: args[0] for every assignment of the ranges.
  enum class Kind { kNumber, kName, kCall, kSeries, kList };

  Kind kind = Kind::kNumber;
  Source source;
  double number = 0;
  std::string text;
  std::vector<TapText> taps;
  std::vector<ExpressionPtr> args;
  std::vector<std::pair<std::string, ExpressionPtr>> options;
  std::vector<ForRange> ranges;
};

ExpressionPtr make_number(double value, Source source = {});
ExpressionPtr make_name(std::string name, Source source = {}, std::vector<TapText> taps = {});
ExpressionPtr make_call(std::string op, std::vector<ExpressionPtr> args, Source source = {},
                        std::vector<std::pair<std::string, ExpressionPtr>> options = {});

// Canonical text with as few parentheses as the grammar allows: "z * h_tm1 + (1 - z) * n". Taps along t print as _tm1.
std::string to_text(const Expression& expression);
// Shortest text that reads back as the same double; whole numbers without a point.
std::string number_text(double value);

}  // namespace tapeloop
