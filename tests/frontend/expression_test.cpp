#include "core/expression.h"

#include <gtest/gtest.h>

#include <limits>

#include "compiler/frontend/equation_parser.h"

namespace tapeloop {
namespace {

std::string reprinted(const std::string& text) {
  Diagnostics diagnostics;
  const ExpressionPtr tree = parse_equation(text, {nullptr, 1, 1}, diagnostics);
  for (const Diagnostic& d : diagnostics.sorted()) ADD_FAILURE() << format(d);
  return tree ? to_text(*tree) : "";
}

TEST(ToText, WritesWhatWasRead) {
  for (const char* text : {
           "z * h_tm1 + (1 - z) * n",
           "a - (b - c)",
           "a - b - c",
           "a / (b * c)",
           "-a ** 2",
           "(-a) ** 2",
           "a ** -b ** c",
           "(a ** b) ** c",
           "-(a + b)",
           "- -a",
           "(a * b) @ c",
           "a * (b @ c)",
           "(a @ b) * c",
           "a @ b / c",
           "(a < b) * (c >= d)",
           "a + (b < c)",
           "b[u-1]",
           "h_tm1[u-1, i+2, s]",
           "tgt_tp1",
           "f.c",
           "h{j-1}_tm1 @ U{i}{j}",
           "linear(x, r * h_tm1, units=2 * units, merge=sum)",
           "last(b, along=-t)",
           "reshape(x, shape=[2, n, -1])",
           "sum(g{i}{j} * (h{i}_tm1 @ U{i}{j}) for i in 1..layers)",
           "concat(h{j}{k} for j in 1..2 * n, k in [a, b{j}, 3])",
           "draw()",
           "1e-05 * x",
           "{j} * x",
       }) {
    EXPECT_EQ(reprinted(text), text == std::string("- -a") ? "--a" : text);
  }
}

TEST(ToText, LeavesOutParenthesesThatChangeNothing) {
  EXPECT_EQ(reprinted("((z*h_tm1)+(((1-z))*n))"), "z * h_tm1 + (1 - z) * n");
  EXPECT_EQ(reprinted("h[t-1]"), "h_tm1");
  EXPECT_EQ(reprinted("(a @ b) @ c"), "a @ b @ c");
}

TEST(NumberText, IsTheShortestThatReadsBack) {
  EXPECT_EQ(number_text(3), "3");
  EXPECT_EQ(number_text(100000), "100000");
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(-2.5), "-2.5");
  EXPECT_EQ(number_text(1e300), "1e+300");
  EXPECT_EQ(number_text(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(number_text(std::numeric_limits<double>::infinity()), "inf");
}

}  // namespace
}  // namespace tapeloop
