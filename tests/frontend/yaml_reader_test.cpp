#include "compiler/frontend/yaml_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tapeloop {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Reading {
  std::optional<Tree> tree;
  std::vector<std::string> found;  // "E0108 2:1"
};

Reading reading_of(const std::string& text) {
  Diagnostics diagnostics;
  Reading result;
  result.tree = read_yaml(text, std::make_shared<const std::string>("m.yaml"), diagnostics);
  for (const Diagnostic& d : diagnostics.sorted()) {
    result.found.push_back(d.code + " " + std::to_string(d.source.line) + ":" + std::to_string(d.source.column));
    EXPECT_FALSE(d.help.empty()) << d.message;
  }
  EXPECT_TRUE(result.tree || !result.found.empty());
  return result;
}

TEST(YamlReader, KeepsEveryScalarAsText) {
  const Reading r = reading_of("n: 010\non: yes\ny: 1e3\nempty:\nq: \"a\\tb\"\n");
  ASSERT_TRUE(r.tree);
  EXPECT_EQ(r.tree->find("n")->scalar, "010");
  EXPECT_EQ(r.tree->find("on")->scalar, "yes");
  EXPECT_EQ(r.tree->find("empty")->scalar, "");
  EXPECT_EQ(r.tree->find("q")->scalar, "a\tb");
  EXPECT_EQ(r.tree->find("missing"), nullptr);
}

TEST(YamlReader, KnowsWhereEveryPartStands) {
  const Reading r = reading_of("\xEF\xBB\xBF# a comment\na: {b: [x, 'y'],\r\n    c: \"z\"}\nd:\n");
  ASSERT_TRUE(r.tree);
  const Tree& a = *r.tree->find("a");
  EXPECT_EQ(a.source.text(), "m.yaml:2:4");
  EXPECT_EQ(a.map[0].source.text(), "m.yaml:2:5");
  EXPECT_EQ(a.find("b")->list[0].source.text(), "m.yaml:2:9");
  EXPECT_EQ(a.find("b")->list[1].source.text(), "m.yaml:2:13");  // within the quotes
  EXPECT_EQ(a.find("c")->source.text(), "m.yaml:3:9");
  EXPECT_EQ(r.tree->find("d")->source.text(), "m.yaml:4:1");  // nothing stands at its key
}

TEST(YamlReader, KeepsTheLineBreaksOfScalarsOverSeveralLines) {
  const Reading r = reading_of("h: z * a\n   + b\nk: |\n  one\n  two\nl: >-\n    alone\nm: \"x\\\n  y\"\n");
  ASSERT_TRUE(r.tree);
  EXPECT_EQ(r.tree->find("h")->scalar, "z * a\n   + b");
  EXPECT_EQ(r.tree->find("k")->scalar, "one\n  two");
  EXPECT_EQ(r.tree->find("k")->source.text(), "m.yaml:4:3");
  EXPECT_EQ(r.tree->find("l")->scalar, "alone");
  EXPECT_EQ(r.tree->find("l")->source.text(), "m.yaml:7:5");
  EXPECT_EQ(r.tree->find("m")->scalar, "xy");
}

TEST(YamlReader, ReportsKeysGivenTwiceAndReadsOn) {
  const Reading r = reading_of("a: 1\nb: {c: 1, c: 2}\na: [2]\n");
  EXPECT_THAT(r.found, ElementsAre("E0108 2:11", "E0108 3:1"));
  ASSERT_TRUE(r.tree);
  EXPECT_EQ(r.tree->find("a")->scalar, "1");
  EXPECT_EQ(r.tree->map.size(), 2U);
}

TEST(YamlReader, RefusesWhatCouldHideMeaning) {
  EXPECT_THAT(reading_of("a: &x 1\nb: 2\n").found, ElementsAre("E0109 1:4"));
  EXPECT_THAT(reading_of("a: &x 1\nb: *x\n").found, ElementsAre("E0109 1:4", "E0109 2:4"));
  EXPECT_THAT(reading_of("b: *x\n").found, ElementsAre("E0109 1:4"));
  EXPECT_THAT(reading_of("a: !!python/object 1\n").found, ElementsAre("E0110 1:4"));
  EXPECT_THAT(reading_of("a: 1\n---\nb: 2\n").found, ElementsAre("E0107 2:1"));
  EXPECT_THAT(reading_of("{h}: 1\n").found, ElementsAre("E0111 1:1"));
  EXPECT_THAT(reading_of("? [a, b]\n: 1\n").found, ElementsAre("E0111 1:3"));
  EXPECT_THAT(reading_of(": 1\n").found, ElementsAre("E0111 1:1"));
}

TEST(YamlReader, RefusesWhatIsNoYaml) {
  EXPECT_THAT(reading_of("").found, ElementsAre("E0106 1:1"));
  EXPECT_THAT(reading_of("# nothing\n\n").found, ElementsAre("E0106 1:1"));
  EXPECT_THAT(reading_of("---\n").found, ElementsAre("E0106 1:1"));
  EXPECT_THAT(reading_of("a: b: c\n").found, ElementsAre("E0105 1:5"));
  EXPECT_THAT(reading_of("a: [1, 2\n").found, ElementsAre("E0105 1:4"));
  EXPECT_THAT(reading_of("a: 1\nb: {c: [1, '{']\nd: 3\n").found, ElementsAre("E0105 2:4"));
  EXPECT_THAT(reading_of("a: 1\nnodes  # one: two\n\n  d: 3\n").found, ElementsAre("E0105 2:1"));
  EXPECT_THAT(reading_of("a: 1\nb: \"two\nc: 3\n").found, ElementsAre("E0105 2:4"));  // a quote that is never closed
  EXPECT_THAT(reading_of("a: 1\nb: 'it''s\nc: 3\n").found, ElementsAre("E0105 2:4"));
  EXPECT_THAT(reading_of("a: 1\nb: 'two\nc: 'three'\n").found, ElementsAre("E0105 2:4"));  // or by another value's
  EXPECT_THAT(reading_of("a: 'it''s'\nb: \"a \\\" b\"\nc: 'x\n  y'\nd: |\n  it's \"\n").found, IsEmpty());
  EXPECT_EQ(reading_of("a:\n\tb: 1\n").found.at(0).substr(0, 5), "E0105");
  EXPECT_THAT(reading_of("a: \xC3\n").found, ElementsAre("E0101 1:4"));
  EXPECT_THAT(reading_of("ok: 1\na: \xED\xA0\x80\n").found, ElementsAre("E0101 2:4"));
  EXPECT_THAT(reading_of("a: \x04 b\n").found, ElementsAre("E0101 1:4"));
  EXPECT_THAT(reading_of("a: \xC3\xA9\n").found, IsEmpty());
}

TEST(YamlReader, StaysWithinItsBudgets) {
  EXPECT_THAT(reading_of(std::string((1U << 20) + 1, 'a')).found, ElementsAre("E0102 1:1"));
  EXPECT_EQ(reading_of("a: " + std::string(65, '[') + std::string(65, ']')).found.at(0).substr(0, 5), "E0103");
  EXPECT_THAT(reading_of("a: " + std::string(63, '[') + std::string(63, ']')).found, IsEmpty());
  EXPECT_EQ(reading_of("a: " + std::string(200000, '[')).found.at(0).substr(0, 5), "E0103");
  std::string many = "a: [";
  for (int k = 0; k < 100000; ++k) many += "1,";
  EXPECT_EQ(reading_of(many + "1]").found.at(0).substr(0, 5), "E0104");
}

TEST(YamlReader, SurvivesAnyTextOfItsCharacters) {
  const std::string characters = "ab:-?[]{},&*!|>'\"%#\n  \t\\.";
  std::uint32_t state = 7;
  for (int k = 0; k < 20000; ++k) {
    std::string text;
    for (std::uint32_t n = (state >> 8) % 40; n > 0; --n) {
      state = state * 1664525U + 1013904223U;
      text += characters[(state >> 16) % characters.size()];
    }
    state = state * 1664525U + 1013904223U;
    reading_of(text);
  }
}

}  // namespace
}  // namespace tapeloop
