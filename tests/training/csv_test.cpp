#include "runtime/training/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tapeloop {
namespace {

using testing::ElementsAre;

struct Read {
  CsvTable table;
  Diagnostics diagnostics;

  std::vector<std::string> problems() const {
    std::vector<std::string> result;
    for (const Diagnostic& d : diagnostics.sorted()) result.push_back(d.source.text() + " " + d.code);
    return result;
  }
};

Read read(const std::string& text, const CsvOptions& options = {}) {
  Read result;
  result.table = read_csv(text, std::make_shared<const std::string>("d.csv"), options, result.diagnostics);
  return result;
}

std::vector<std::string> cells(const CsvTable& table) {
  std::vector<std::string> result;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (std::size_t c = 0; c < table.columns().size(); ++c) result.emplace_back(table.cell(row, c));
  }
  return result;
}

TEST(Csv, ReadsCellsByRows) {
  const Read r = read("a,b\n1,x\n2,\n");
  EXPECT_THAT(r.table.columns(), ElementsAre("a", "b"));
  EXPECT_THAT(cells(r.table), ElementsAre("1", "x", "2", ""));
  EXPECT_FALSE(r.diagnostics.has_errors());
}

TEST(Csv, QuotesHoldDelimitersLinesAndQuotes) {
  const Read r = read("a,b\n\"x,y\",\"he said \"\"no\"\"\"\n\"two\nlines\",\"\"\n");
  EXPECT_THAT(cells(r.table), ElementsAre("x,y", "he said \"no\"", "two\nlines", ""));
}

TEST(Csv, LineEndsMayBeEitherAndTheLastMayLack) {
  for (const char* text : {"a,b\n1,2\n3,4", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r\n\"1\",2\r\n3,\"4\"",
                           "\xEF\xBB\xBF"
                           "a,b\n1,2\n3,4\n\n\n"}) {
    const Read r = read(text);
    EXPECT_THAT(r.table.columns(), ElementsAre("a", "b"));
    EXPECT_THAT(cells(r.table), ElementsAre("1", "2", "3", "4")) << text;
  }
}

TEST(Csv, AnotherDelimiterAndAGivenHeader) {
  CsvOptions options;
  options.delimiter = ';';
  options.header = {"a", "b"};
  EXPECT_THAT(cells(read("1;2,5\n", options).table), ElementsAre("1", "2,5"));
}

TEST(Csv, RaggedRowsAreReportedEachWithItsLine) {
  EXPECT_THAT(read("a,b\n1,2\n1\n1,2,3\n5,6\n").problems(), ElementsAre("d.csv:3:1 E0751", "d.csv:4:1 E0751"));
  EXPECT_THAT(read("a,b\n1,2\n\n3,4\n").problems(), ElementsAre("d.csv:3:1 E0751"));
}

TEST(Csv, WrongQuotesAreReported) {
  EXPECT_THAT(read("a,b\n1,\"2\n3,4\n").problems(), ElementsAre("d.csv:2:3 E0750"));
  EXPECT_THAT(read("a,b\n\"1\"x,2\n3,4\n").problems(), ElementsAre("d.csv:2:4 E0750"));
  EXPECT_THAT(read("a,b\n1,2\"\n3,4\n").problems(), ElementsAre("d.csv:2:4 E0750"));
}

TEST(Csv, HeaderMustNameEachColumnOnce) {
  EXPECT_THAT(read("").problems(), ElementsAre("d.csv:1:1 E0754"));
  EXPECT_THAT(read("a,,a\n").problems(), ElementsAre("d.csv:1:3 E0754", "d.csv:1:4 E0754"));
}

TEST(Csv, WhatIsNoFiniteNumberIsReportedWhereItStands) {
  Read r = read("a,b\n1,2\n,3\nnan,4\n 5e-1 ,inf\n0x10,6\n1_0,7\n1 2,8\n");
  const std::vector<double> values = r.table.numbers(0, r.diagnostics);
  EXPECT_EQ(values[0], 1);
  EXPECT_EQ(values[3], 0.5);
  EXPECT_THAT(r.problems(), ElementsAre("d.csv:3:1 E0752", "d.csv:4:1 E0752", "d.csv:6:1 E0752", "d.csv:7:1 E0752", "d.csv:8:1 E0752"));
}

TEST(Csv, PlacesCountLinesInsideQuotes) {
  Read r = read("a,b\n\"x\ny\",1\nz,none\n");
  r.table.numbers(1, r.diagnostics);
  EXPECT_THAT(r.problems(), ElementsAre("d.csv:4:3 E0752"));
}

TEST(Csv, LimitsHold) {
  CsvOptions small;
  small.max_bytes = 8;
  EXPECT_THAT(read("a,b\n1,2\n3", small).problems(), ElementsAre("d.csv:1:1 E0753"));
  CsvOptions narrow;
  narrow.max_columns = 2;
  EXPECT_THAT(read("a,b,c,d,e\n", narrow).problems(), ElementsAre("d.csv:1:1 E0753"));
}

TEST(Csv, ReadingEndsAfterSomeErrors) {
  std::string text = "a,b\n";
  for (int i = 0; i < 1000; ++i) text += "1\n";
  EXPECT_EQ(read(text).diagnostics.errors(), CsvOptions().max_errors);
}

}  // namespace
}  // namespace tapeloop
