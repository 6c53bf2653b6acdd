// Marks under the right columns of a terminal, whatever stands before them.
#include "models/facade/excerpt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tapeloop {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::StartsWith;

TEST(Excerpt, MarksTheWordAtThePlace) {
  const Excerpt found = excerpt_of("a\n  h: tahn(x)\n", 2, 6).value();
  EXPECT_EQ(found.line, "  h: tahn(x)");
  EXPECT_EQ(found.marks, "     ^~~~");
  EXPECT_EQ(found.end_column, 10);
  EXPECT_EQ(excerpt_of("a + + b", 1, 5).value().marks, "    ^");
  EXPECT_EQ(excerpt_of("abc\r\n", 1, 4).value().marks, "   ^");  // behind the end
  EXPECT_EQ(excerpt_of("abc\r\n", 1, 4).value().line, "abc");
}

TEST(Excerpt, ColumnsAreNotBytes) {
  EXPECT_EQ(excerpt_of("größe: x", 1, 10).value().marks, "       ^");  // ö and ß have two bytes each
  EXPECT_EQ(excerpt_of("重み: x", 1, 9).value().marks, "      ^");     // three bytes, two columns
  EXPECT_EQ(excerpt_of("e\xCC\x81: x", 1, 6).value().marks, "   ^");   // an accent of its own takes none
  EXPECT_EQ(excerpt_of("größe: x", 1, 1).value().marks, "^~~~~");
  EXPECT_EQ(excerpt_of("\t\tx: y", 1, 6).value().marks, "\t\t   ^");
}

TEST(Excerpt, LongLinesAreCutAroundThePlace) {
  const std::string line = std::string(100000, 'a') + " wrong " + std::string(100000, 'b');
  const Excerpt found = excerpt_of(line, 1, 100002).value();
  EXPECT_LE(found.line.size(), 130U);
  EXPECT_THAT(found.line, AllOf(StartsWith("..a"), EndsWith("b..")));
  EXPECT_EQ(found.line.substr(found.marks.find('^'), 5), "wrong");
}

TEST(Excerpt, OrdersToATerminalAreNotPassedOn) { EXPECT_EQ(excerpt_of("a\x1b[2Jb", 1, 1).value().line, "a?[2Jb"); }

TEST(Excerpt, ALineThatIsNotThereHasNone) {
  EXPECT_FALSE(excerpt_of("a\n", 3, 1).has_value());
  EXPECT_FALSE(excerpt_of(Diagnostic{Severity::kError, "E0101", {}, "", ""}).has_value());
}

}  // namespace
}  // namespace tapeloop
