#include "compiler/frontend/equation_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tapeloop {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// "E0202 1:5" for each mistake of the text.
std::vector<std::string> mistakes(const std::string& text) {
  Diagnostics diagnostics;
  const ExpressionPtr tree = parse_equation(text, {nullptr, 1, 1}, diagnostics);
  EXPECT_EQ(tree == nullptr, diagnostics.has_errors()) << text;
  std::vector<std::string> result;
  for (const Diagnostic& d : diagnostics.sorted()) {
    result.push_back(d.code + " " + std::to_string(d.source.line) + ":" + std::to_string(d.source.column));
    EXPECT_FALSE(d.help.empty() && d.code != "E0202") << d.message;
  }
  return result;
}

std::string only_mistake(const std::string& text) {
  const std::vector<std::string> found = mistakes(text);
  return found.size() == 1 ? found[0] : std::to_string(found.size()) + " mistakes";
}

ExpressionPtr parsed(const std::string& text, const Source& start = {nullptr, 1, 1}) {
  Diagnostics diagnostics;
  return parse_equation(text, start, diagnostics);
}

TEST(EquationParser, GivesEveryPartThePositionOfItsFirstToken) {
  const ExpressionPtr tree = parsed("a + f(b[u-2],\n  k=3) * c", {nullptr, 7, 10});
  EXPECT_EQ(tree->source.column, 10);
  const Expression& product = *tree->args[1];
  EXPECT_EQ(product.source.column, 14);
  EXPECT_EQ(product.args[0]->args[0]->source.column, 16);
  EXPECT_EQ(product.args[0]->args[0]->taps[0].source.column, 18);
  const Expression& option = *product.args[0]->options[0].second;
  EXPECT_EQ(option.source.line, 8);
  EXPECT_EQ(option.source.column, 5);
  EXPECT_EQ(product.args[1]->source.line, 8);
  EXPECT_EQ(product.args[1]->source.column, 10);
}

TEST(EquationParser, LeavesTapsOfTheNameAndReadsThoseInBrackets) {
  const ExpressionPtr tree = parsed("h_tm1[u-1, i+n, s]");
  EXPECT_EQ(tree->text, "h_tm1");
  ASSERT_EQ(tree->taps.size(), 3U);
  EXPECT_EQ(tree->taps[0].sign, -1);
  EXPECT_EQ(tree->taps[1].offset->text, "n");
  EXPECT_EQ(tree->taps[2].sign, 0);
  EXPECT_EQ(tree->taps[2].offset, nullptr);
}

TEST(EquationParser, ReadsSeriesRangesAndLists) {
  const ExpressionPtr tree = parsed("concat(h{j}{k} for j in 1..n-1, k in [a, 2])");
  const Expression& series = *tree->args[0];
  ASSERT_EQ(series.kind, Expression::Kind::kSeries);
  ASSERT_EQ(series.ranges.size(), 2U);
  EXPECT_EQ(to_text(*series.ranges[0].last), "n - 1");
  EXPECT_THAT(series.ranges[1].words, testing::ElementsAre("a", "2"));
  EXPECT_EQ(parsed("f(x, k=[1, -2])")->options[0].second->args.size(), 2U);
  EXPECT_THAT(parsed("f(x, k=[])")->options[0].second->args, IsEmpty());
}

TEST(EquationParser, MinusBindsLessThanPowerAndMoreThanProduct) {
  EXPECT_EQ(parsed("-a ** 2")->text, "neg");
  EXPECT_EQ(parsed("-a * b")->text, "*");
  EXPECT_EQ(parsed("a - b - c")->args[0]->text, "-");
  EXPECT_EQ(parsed("a ** b ** c")->args[1]->text, "**");
}

TEST(EquationParser, ProductsBesideMatmulWantParentheses) {
  EXPECT_EQ(only_mistake("a * b @ c"), "E0203 1:7");
  EXPECT_EQ(only_mistake("a / b @ c"), "E0203 1:7");
  EXPECT_EQ(only_mistake("a @ b * c"), "E0203 1:7");
  EXPECT_THAT(mistakes("(a * b) @ c"), IsEmpty());
  EXPECT_THAT(mistakes("a @ b / c"), IsEmpty());
}

TEST(EquationParser, SaysWhereAnEquationBreaks) {
  EXPECT_EQ(only_mistake(""), "E0206 1:1");
  EXPECT_EQ(only_mistake("a +"), "E0202 1:4");
  EXPECT_EQ(only_mistake("a b"), "E0202 1:3");
  EXPECT_EQ(only_mistake("(a + b"), "E0202 1:7");
  EXPECT_EQ(only_mistake("f(a b)"), "E0202 1:5");
  EXPECT_EQ(only_mistake("f(a"), "E0202 1:4");
  EXPECT_EQ(only_mistake("a = b"), "E0202 1:3");
  EXPECT_EQ(only_mistake("+a"), "E0202 1:1");
  EXPECT_EQ(only_mistake("h[-1]"), "E0202 1:3");
  EXPECT_EQ(only_mistake("h[u-1"), "E0202 1:6");
  EXPECT_EQ(only_mistake("h[u-1, u+2]"), "E0208 1:8");
  EXPECT_EQ(only_mistake("a $ b"), "E0201 1:3");
  EXPECT_EQ(only_mistake("a × b"), "E0201 1:3");
  EXPECT_EQ(only_mistake("f(x, merge='sum')"), "E0201 1:12");
  EXPECT_EQ(only_mistake(".5"), "E0201 1:1");
  EXPECT_EQ(only_mistake("1e999"), "E0202 1:1");
  EXPECT_EQ(only_mistake("f(x, units=3, units=4)"), "E0207 1:15");
  EXPECT_EQ(only_mistake("a +\n  * b"), "E0202 2:3");
}

TEST(EquationParser, SaysWhereSeriesAndBracesBreak) {
  EXPECT_EQ(only_mistake("sum(a, b for i in 1..2)"), "E0209 1:10");
  EXPECT_EQ(only_mistake("sum(a for i of 1..2)"), "E0210 1:13");
  EXPECT_EQ(only_mistake("sum(a for i in 1)"), "E0210 1:17");
  EXPECT_EQ(only_mistake("sum(a for i in [])"), "E0210 1:17");
  EXPECT_EQ(only_mistake("sum(a for i in [a b])"), "E0210 1:19");
  EXPECT_EQ(only_mistake("a for i in 1..2"), "E0202 1:3");
  EXPECT_EQ(only_mistake("h{j-1"), "E0211 1:2");
  EXPECT_EQ(only_mistake("h{j-{k}}"), "E0211 1:2");
  EXPECT_EQ(only_mistake("h{j-}"), "E0202 1:5");
  EXPECT_EQ(only_mistake("h{}"), "E0206 1:3");
  EXPECT_EQ(only_mistake("h}"), "E0201 1:2");
}

TEST(EquationParser, RefusesWhatIsTooDeepOrTooLong) {
  const std::string open(201, '(');
  const std::string close(201, ')');
  EXPECT_EQ(only_mistake(open + "a" + close).substr(0, 5), "E0204");
  EXPECT_THAT(mistakes(open.substr(1) + "a" + close.substr(1)), IsEmpty());
  EXPECT_EQ(only_mistake(std::string(300, '-') + "a").substr(0, 5), "E0204");
  std::string calls = "a";
  for (int k = 0; k < 201; ++k) calls = "f(" + calls + ")";
  EXPECT_EQ(only_mistake(calls).substr(0, 5), "E0204");
  std::string power = "a";
  for (int k = 0; k < 300; ++k) power += "**a";
  EXPECT_EQ(only_mistake(power).substr(0, 5), "E0204");
  std::string sum = "a";
  for (int k = 0; k < 1000; ++k) sum += "+a";
  EXPECT_EQ(only_mistake(sum), "E0204 1:1");
  EXPECT_EQ(only_mistake(std::string(70000, 'a')), "E0205 1:1");
}

TEST(EquationParser, NeverFailsOnAnyTextOfItsCharacters) {
  const std::string characters = "ab1.e{}[](),=<>!+-*/@ \nfor in";
  std::uint32_t state = 1;
  for (int k = 0; k < 20000; ++k) {
    std::string text;
    for (std::uint32_t n = state % 24; n > 0; --n) {
      state = state * 1664525U + 1013904223U;
      text += characters[(state >> 16) % characters.size()];
    }
    state = state * 1664525U + 1013904223U;
    EXPECT_LE(mistakes(text).size(), 1U) << text;
  }
}

TEST(ParseRanges, ReadsTheKeyOfABlock) {
  Diagnostics diagnostics;
  const std::vector<ForRange> ranges = parse_ranges("i in 1..layers, k in [r, z]", {nullptr, 3, 7}, diagnostics);
  ASSERT_EQ(ranges.size(), 2U);
  EXPECT_EQ(ranges[0].index, "i");
  EXPECT_EQ(ranges[1].source.column, 23);
  EXPECT_THAT(parse_ranges("i from 1 to 3", {nullptr, 3, 7}, diagnostics), IsEmpty());
  EXPECT_THAT(format(diagnostics.sorted()[0]), HasSubstr("3:9: error E0210: expected 'in', found 'from'"));
}

TEST(Names, AreCutAtBracesAndTaps) {
  Diagnostics diagnostics;
  const std::vector<NamePart> parts = parse_name_parts("h{j-1}_tm1", {nullptr, 1, 1}, diagnostics);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0].text, "h");
  EXPECT_EQ(to_text(*parts[1].braces), "j - 1");
  EXPECT_EQ(parts[1].braces->source.column, 3);
  EXPECT_EQ(parts[2].text, "_tm1");
  EXPECT_EQ(split_tap("h_tm12")->name, "h");
  EXPECT_EQ(split_tap("h_tm12")->offset, -12);
  EXPECT_EQ(split_tap("x_tp1")->offset, 1);
  EXPECT_FALSE(split_tap("_tm1"));
  EXPECT_FALSE(split_tap("atm1"));
  EXPECT_FALSE(split_tap("h_tm"));
}

TEST(Names, OfAKeyArePartedByCommas) {
  const std::vector<KeyName> names = split_key("i, f{a, b} ,o");
  ASSERT_EQ(names.size(), 3U);
  EXPECT_EQ(names[1].name, "f{a, b}");
  EXPECT_EQ(names[1].offset, 3U);
  EXPECT_EQ(names[2].name, "o");
  EXPECT_TRUE(is_identifier("a_1"));
  EXPECT_FALSE(is_identifier("1a"));
  EXPECT_FALSE(is_identifier("a.b"));
  EXPECT_TRUE(is_identifier("e.linear.1", true));
  EXPECT_FALSE(is_identifier("e.", true));
}

}  // namespace
}  // namespace tapeloop
