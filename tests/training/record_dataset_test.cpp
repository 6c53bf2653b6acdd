#include "runtime/training/record_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "compiler/frontend/yaml_reader.h"
#include "runtime/training/atomic_file.h"

namespace tapeloop {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Made {
  std::unique_ptr<Dataset> data;
  Diagnostics diagnostics;

  std::string messages() const {
    std::string text;
    for (const Diagnostic& d : diagnostics.sorted()) text += format(d) + "\n";
    return text;
  }
};

// `data` beside file: d, which holds the text.
Made make(const std::string& data, std::string_view text, const Vocabularies& known = {}) {
  Made made;
  const auto tree = read_yaml("file: d\n" + data, std::make_shared<const std::string>("m.yaml"), made.diagnostics);
  const DataSpec spec = read_data_spec(*tree, {{}, {{"d", text}}}, made.diagnostics);
  if (!made.diagnostics.has_errors()) made.data = read_dataset(spec, known, made.diagnostics);
  return made;
}

Batch<double> batch_of(const Dataset& data, Split split, const std::vector<std::uint32_t>& numbers) {
  Batch<double> batch;
  data.fill(split, numbers, batch);
  return batch;
}

// Counts: b 3, a 2, c 1; the mark is 0.
TEST(RecordDataset, LinesAreTokensOfTheirOwnLengths) {
  const Made made =
      make("format: lines\ninputs: {x: {column: line, along: {t: characters}, tokens: letters, marks: [end]}}\n", "bab\n\nabc\n");
  ASSERT_EQ(made.messages(), "");
  EXPECT_THAT(made.data->vocabularies().at("letters").tokens(), ElementsAre("b", "a", "c"));
  const Batch<double> batch = batch_of(*made.data, Split::kTrain, {2, 1, 0});
  EXPECT_THAT(batch.inputs.at("x").dims, ElementsAre(3, 4));
  EXPECT_THAT(batch.inputs.at("x").data, ElementsAre(2, 1, 3, 0, 0, 0, 0, 0, 1, 2, 1, 0));
  EXPECT_THAT(batch.lengths.at("t"), ElementsAre(4, 1, 4));
  EXPECT_EQ(made.data->length(Split::kTrain, 1, "t"), 1U);
  EXPECT_THAT(made.data->forms()[0].axes, ElementsAre("t"));
  EXPECT_THAT(made.data->forms()[0].shape, IsEmpty());
}

TEST(RecordDataset, WordsThatNoSplitNamesAreCounted) {
  const std::string data =
      "format: csv\nexamples: records\ninputs: {x: {column: x}}\nsplit: {column: part, train: train, validation: dev}\n";
  const Made made = make(data, "part,x\ntrain,1\ndev,2\ndve,3\ntest,4\ntest,5\n");
  EXPECT_THAT(made.messages(), AllOf(HasSubstr("warning W0801: 3 rows are in no split: column 'part' also has 'dve' (1), 'test' (2)")));
  EXPECT_EQ(make(data, "part,x\ntrain,1\ndev,2\n").messages(), "");
}

// Letters on s, phones on t, and their parts on u within t: `_` has none.
TEST(RecordDataset, OneRecordMayHaveSequencesOnSeveralAxes) {
  const Made made = make(R"(format: tsv
header: [word, phones]
examples: records
inputs:
  letters: {column: word, along: {s: characters}, tokens: letters}
  phones: {column: phones, along: {t: words, u: "+"}, empty: _, tokens: phones, marks: [begin]}
)",
                         "ab\tK+S _\na\tS _ K\n");
  ASSERT_EQ(made.messages(), "");
  const Batch<double> batch = batch_of(*made.data, Split::kTrain, {0, 1});
  EXPECT_THAT(batch.lengths.at("s"), ElementsAre(2, 1));
  EXPECT_THAT(batch.lengths.at("t"), ElementsAre(2, 3));
  EXPECT_THAT(batch.lengths.at("u"), ElementsAre(3, 1, 2, 1, 2));
  EXPECT_THAT(batch.inputs.at("phones").dims, ElementsAre(2, 3, 3));
  EXPECT_THAT(batch.inputs.at("phones").data, ElementsAre(0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 1, 0));
  EXPECT_EQ(made.data->length(Split::kTrain, 0, "u"), 4U);
}

// Phones: the mark 0, A 1, B 2. The first answer is what the model reads; the others may have tokens that nobody has seen.
TEST(RecordDataset, ACellMayHoldSeveralAnswers) {
  const Made made = make(R"(format: tsv
header: [word, phones]
examples: records
inputs: {phones: {column: phones, along: {t: words}, tokens: phones, marks: [end], alternatives: " | "}}
split: {column: row, train: [0, 1], test: 2}
)",
                         "x\tA A\ny\tB\nz\tB A | A | B C\n");
  ASSERT_EQ(made.messages(), "");
  EXPECT_THAT(made.data->vocabularies().at("phones").tokens(), ElementsAre("A", "B"));
  EXPECT_THAT(batch_of(*made.data, Split::kTest, {0}).inputs.at("phones").data, ElementsAre(2, 1, 0));
  EXPECT_THAT(made.data->answers(Split::kTest, 0, 0), ElementsAre(TokenIds{2, 1}, TokenIds{1}, TokenIds{2, -1}));
  EXPECT_THAT(made.data->answers(Split::kTrain, 0, 0), ElementsAre(TokenIds{1, 1}));
}

TEST(RecordDataset, AnUnknownTokenIsNoRightAnswer) {
  const Made made = make(
      "format: lines\ninputs: {x: {column: line, along: {t: characters}, tokens: letters, marks: [begin, end]}}\n"
      "tokens: {letters: {unknown: true}}\nsplit: {column: row, train: 0, test: 1}\n",
      "ab\nac\n");
  ASSERT_EQ(made.messages(), "");
  EXPECT_THAT(made.data->answers(Split::kTest, 0, 0), ElementsAre(TokenIds{2, -1}));
}

TEST(RecordDataset, AlternativesAreOfTokensAlongAnAxis) {
  for (const char* wrong : {"alternatives: \"|\"", "along: {t: words}, alternatives: \"|\""}) {
    EXPECT_THAT(make(std::string("format: lines\ninputs: {x: {column: line, ") + wrong + "}}\n", "1\n").messages(), HasSubstr("E0808"));
  }
  EXPECT_THAT(make("format: lines\ninputs: {x: {column: line, along: {t: words}, tokens: w, alternatives: \"\"}}\n", "1\n").messages(),
              HasSubstr("E0805"));
}

TEST(RecordDataset, ListsOfJsonHaveAxesAndAShape) {
  const Made made = make(R"(format: json_lines
scale: {x: [minmax], y: [standard]}
inputs:
  x: {column: x, along: {m: items, t: items}}
  words: {column: words, along: {m: items, t: words}, tokens: words}
  y: {column: "y"}
split: {column: row, train: [0, 0], test: 1}
tokens: {words: {unknown: true}}
)",
                         R"({"x": [[[1, 2], [3, 5]], [[4, 4]]], "words": ["so it", "is"], "y": 3}
{"x": [[[9, 1]]], "words": ["that"], "y": 4}
)");
  ASSERT_EQ(made.messages(), "");
  const Batch<double> batch = batch_of(*made.data, Split::kTrain, {0});
  EXPECT_THAT(batch.lengths.at("m"), ElementsAre(2));
  EXPECT_THAT(batch.lengths.at("t"), ElementsAre(2, 1));
  EXPECT_THAT(batch.inputs.at("x").dims, ElementsAre(1, 2, 2, 2));
  EXPECT_THAT(batch.inputs.at("x").data, ElementsAre(0, 0.25, 0.5, 1, 0.75, 0.75, 0, 0));
  EXPECT_THAT(batch.inputs.at("words").data, ElementsAre(3, 2, 1, 0));
  EXPECT_THAT(batch_of(*made.data, Split::kTest, {0}).inputs.at("words").data, ElementsAre(0));
  EXPECT_THAT(made.data->targets(Split::kTest, std::vector<std::uint32_t>{0}, made.data->input("y")).values, ElementsAre(4));
  EXPECT_DOUBLE_EQ(made.data->original(made.data->input("y"), 0, 2), 5);
  const Dataset::Targets targets = made.data->targets(Split::kTrain, std::vector<std::uint32_t>{0}, made.data->input("x"));
  EXPECT_THAT(targets.counts, ElementsAre(true, true, true, false));
}

// Two images of 2 x 3 and their classes, in NumPy's format, version 1.
TEST(RecordDataset, ArraysAreReadSideBySide) {
  const auto npy = [](std::string header, const char* bytes) {
    header.resize(118, ' ');
    return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + bytes;
  };
  const std::string images = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 3), }", "\1\2\3\4\5\6\7\10\11\12\13\14");
  const std::string labels = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", "\5\7");
  Diagnostics diagnostics;
  const auto tree = read_yaml(R"(files: {all: {image: x.npy, label: "y.npy"}}
inputs: {rows: {column: image, along: {t: items}}, whole: {column: image}, label: {column: label}}
)",
                              std::make_shared<const std::string>("m.yaml"), diagnostics);
  const DataSpec spec = read_data_spec(*tree, {{}, {{"x.npy", images}, {"y.npy", labels}}}, diagnostics);
  const auto data = read_dataset(spec, {}, diagnostics);
  ASSERT_TRUE(data) << (diagnostics.has_errors() ? format(diagnostics.sorted()[0]) : "");
  const Batch<double> batch = batch_of(*data, Split::kTrain, {1});
  EXPECT_THAT(batch.inputs.at("rows").dims, ElementsAre(1, 2, 3));
  EXPECT_THAT(batch.inputs.at("rows").data, ElementsAre(7, 8, 9, 10, 11, 12));
  EXPECT_THAT(batch.inputs.at("whole").dims, ElementsAre(1, 2, 3));
  EXPECT_THAT(data->forms()[0].axes, ElementsAre("t"));
  EXPECT_THAT(data->forms()[1].axes, IsEmpty());
  EXPECT_THAT(batch.lengths.at("t"), ElementsAre(2));
  EXPECT_THAT(batch.inputs.at("label").data, ElementsAre(7));
}

TEST(RecordDataset, LongSequencesMayBeCutShort) {
  const Made made = make(R"(format: json_lines
inputs:
  text: {column: text, along: {m: {by: "\n", most: 2}, t: {by: words, most: 1}}, tokens: words}
  x: {column: x, along: {s: {by: items, most: 3}}}
)",
                         R"({"text": "a b\nc\td\ne", "x": [1, 2, 3, 4]}
{"text": "c", "x": []}
)");
  ASSERT_EQ(made.messages(), "");
  const Batch<double> batch = batch_of(*made.data, Split::kTrain, {0, 1});
  EXPECT_THAT(made.data->vocabularies().at("words").tokens(), ElementsAre("c", "a"));
  EXPECT_THAT(batch.lengths.at("m"), ElementsAre(2, 1));
  EXPECT_THAT(batch.lengths.at("t"), ElementsAre(1, 1, 1));
  EXPECT_THAT(batch.inputs.at("text").data, ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(batch.inputs.at("x").data, ElementsAre(1, 2, 3, 0, 0, 0));
}

TEST(RecordDataset, RowsOfATableMayBeExamples) {
  const Made made = make("examples: records\ninputs: {x: {columns: [a, b]}, k: {column: c, as: one_hot}}\nscale: {b: [standard]}\n",
                         "a,b,c\n1,2,u\n3,4,v\n");
  ASSERT_EQ(made.messages(), "");
  const Batch<double> batch = batch_of(*made.data, Split::kTrain, {1, 0});
  EXPECT_THAT(batch.inputs.at("x").data, ElementsAre(3, 1, 1, -1));
  EXPECT_THAT(batch.inputs.at("k").data, ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(batch.lengths, IsEmpty());
}

TEST(RecordDataset, WhatIsRepeatedMayBeLeftOut) {
  constexpr const char* kText = "a\nb\na\nc\n";
  const std::string inputs = "format: lines\ninputs: {x: {column: line, along: {t: characters}, tokens: letters}}\n";
  EXPECT_EQ(make(inputs, kText).data->examples(Split::kTrain), 4U);
  EXPECT_EQ(make(inputs + "repeated: {column: line, keep: first}\n", kText).data->examples(Split::kTrain), 3U);
  const Made none = make(inputs + "repeated: {column: line, keep: none}\n", kText);
  EXPECT_THAT(none.data->vocabularies().at("letters").tokens(), ElementsAre("b", "c"));
}

TEST(RecordDataset, VocabulariesMayBeSmallAndMayBeThoseOfAnEarlierTraining) {
  const std::string data = "format: lines\ninputs: {x: {column: line, along: {t: words}, tokens: words}}\n";
  const Made least = make(data + "tokens: {words: {least: 2}}\n", "a b c a\nb\n");
  EXPECT_THAT(least.data->vocabularies().at("words").tokens(), ElementsAre("a", "b"));
  EXPECT_THAT(batch_of(*least.data, Split::kTrain, {0}).inputs.at("x").data, ElementsAre(1, 2, 0, 1));
  EXPECT_THAT(make(data + "tokens: {words: {most: 1}}\n", "a b c a\nb\n").data->vocabularies().at("words").tokens(), ElementsAre("a"));
  const Vocabularies known{{"words", Vocabulary(false, true, {"c", "d"})}};
  EXPECT_EQ(parse_vocabularies(vocabularies_json(known), "v.json"), known);
  EXPECT_THROW(parse_vocabularies("{\"words\": 1}", "v.json"), FileError);
  EXPECT_THAT(batch_of(*make(data, "a d c\n", known).data, Split::kTrain, {0}).inputs.at("x").data, ElementsAre(0, 2, 1));
  EXPECT_EQ(known.at("words").text(0) + known.at("words").text(1), "<unknown>c");
}

constexpr const char* kSets = R"(examples: records
inputs: {x: {column: x}, group: {column: g, as: id}}
split: {column: k, train: 0, test: 1}
sets: {along: m, same: g, train: {sizes: [1, 2], shuffles: 3}, test: {sizes: [2], shuffles: 2}}
)";
constexpr const char* kSetText = "x,g,k\n1,a,0\n2,a,0\n3,a,0\n10,b,0\n20,b,0\n5,a,1\n6,a,1\n7,b,1\n";

// Of a: three records, so 3 sets of one and 1 of two a shuffle; of b two and one.
TEST(RecordSets, AreConsecutiveInSeededShufflesAndAgreeInOneColumn) {
  const Made made = make(kSets, kSetText);
  ASSERT_EQ(made.messages(), "");
  EXPECT_EQ(made.data->examples(Split::kTrain), 3U * 7U);
  EXPECT_EQ(made.data->examples(Split::kTest), 2U);
  EXPECT_THAT(made.data->forms()[0].axes, ElementsAre("m"));
  EXPECT_THAT(made.data->forms()[1].axes, IsEmpty());
  std::set<std::uint32_t> seen;
  for (const std::int64_t epoch : {1, 2, 3}) {
    const std::vector<std::uint32_t> pass = made.data->pass(Split::kTrain, epoch);
    EXPECT_EQ(pass.size(), 7U);
    seen.insert(pass.begin(), pass.end());
    double sum = 0;  // of the sets of one: every record once
    for (const std::uint32_t number : pass) {
      const Batch<double> batch = batch_of(*made.data, Split::kTrain, {number});
      const std::vector<double>& x = batch.inputs.at("x").data;
      EXPECT_THAT(batch.lengths.at("m"), ElementsAre(x.size()));
      EXPECT_EQ(batch.inputs.at("group").data[0], x[0] >= 10 ? 1 : 0);
      if (x.size() == 1) sum += x[0];
      EXPECT_EQ(x.front() >= 10, x.back() >= 10);
    }
    EXPECT_EQ(sum, 36);
  }
  EXPECT_EQ(seen.size(), 21U);
  EXPECT_EQ(made.data->pass(Split::kTest, 1).size(), 2U);
  EXPECT_EQ(made.data->length(Split::kTest, 0, "m"), 2U);
}

// Five records: 5 sets of one and 2 of two a shuffle; what a record belongs to is known of each.
TEST(RecordSets, MayBeOfAnyRecords) {
  std::string text = kSets;
  text.erase(text.find(" same: g,"), 9);
  const Made made = make(text, kSetText);
  ASSERT_EQ(made.messages(), "");
  EXPECT_EQ(made.data->examples(Split::kTrain), 3U * 7U);
  EXPECT_THAT(made.data->forms()[1].axes, ElementsAre("m"));
  std::size_t mixed = 0;
  for (std::uint32_t number = 0; number < 21; ++number) {
    const Batch<double> batch = batch_of(*made.data, Split::kTrain, {number});
    const std::vector<double>& x = batch.inputs.at("x").data;
    const std::vector<double>& group = batch.inputs.at("group").data;
    ASSERT_EQ(group.size(), x.size());
    for (std::size_t k = 0; k < x.size(); ++k) EXPECT_EQ(group[k], x[k] >= 10 ? 1 : 0);
    mixed += group.front() != group.back();
  }
  EXPECT_GT(mixed, 0U);
}

// Words of the CMU dictionary: a cell for each letter, with none, one or two phones; three files, one for each split.
TEST(RecordDataset, AlignedWordsHaveARunOfPhonesForEachLetter) {
  Diagnostics diagnostics;
  const auto tree = read_yaml(R"(files: {train: cmudict/aligned.train.tsv, dev: cmudict/aligned.dev.tsv, test: cmudict/aligned.test.tsv}
header: [word, phones]
examples: records
split: {column: file, train: train, validation: dev, test: test}
tokens: {letters: {unknown: true}, phones: {unknown: true}}
inputs:
  letter: {column: word, along: {t: characters}, tokens: letters}
  phone: {column: phones, along: {t: words, u: "+"}, empty: _, tokens: phones}
)",
                              std::make_shared<const std::string>("m.yaml"), diagnostics);
  const DataSpec spec = read_data_spec(*tree, {{TAPELOOP_SOURCE_DIR "/models/data/crops"}, {}}, diagnostics);
  const auto data = read_dataset(spec, {}, diagnostics);
  ASSERT_TRUE(data) << (diagnostics.has_errors() ? format(diagnostics.sorted()[0]) : "");
  EXPECT_EQ(data->examples(Split::kTrain), 203U);
  EXPECT_EQ(data->examples(Split::kTest), 211U);
  const Batch<double> batch = batch_of(*data, Split::kTest, data->pass(Split::kTest, 1));
  std::int64_t letters = 0, phones = 0;
  for (const std::int32_t length : batch.lengths.at("t")) letters += length;
  for (const std::int32_t length : batch.lengths.at("u")) phones += length;
  EXPECT_EQ(static_cast<std::size_t>(letters), batch.lengths.at("u").size());
  EXPECT_LT(phones, letters);
  EXPECT_EQ(*std::max_element(batch.lengths.at("u").begin(), batch.lengths.at("u").end()), 2);
}

struct Mistake {
  std::string data;
  const char* text;
  const char* says;
};

TEST(RecordDataset, MistakesAreNamed) {
  const std::string lines = "format: lines\ninputs: ";
  const std::vector<Mistake> mistakes{
      {lines + "{x: {column: word, as: id}}\n", "a\n", "m.yaml:3:22: error E0811: the data file has no column 'word'"},
      {lines + "{x: {column: line}}\n", "1\na\n", "d:2:1: error E0752: column 'line': expected a finite number, found 'a'"},
      {lines + "{x: {column: line, along: {t: items}}}\n", "1\n", "E0756: column 'line' needs a list of items, found text"},
      {lines + "{x: {column: line, along: {t: characters}, tokens: a}}\n", "\xFF\n", "E0756: column 'line' needs text in UTF-8"},
      {"format: json_lines\ninputs: {x: {column: x, along: {t: items}}}\n", "{\"x\": [[1], [1, 2]]}\n",
       "E0756: column 'x' has an item of shape [2], before it one of shape [1]"},
      {lines + "{x: {column: line, along: {t: characters}, tokens: a}}\nsplit: {column: row, train: [0, 0], test: [1, 1]}\n", "a\nb\n",
       "d:2:1: error E0817: 'b' is not in the vocabulary 'a' of the training split"},
      {lines + "{x: {column: line, along: {t: words}, tokens: a}, y: {column: line, along: {t: characters}, tokens: b}}\n", "a\na b\n",
       "E0818: inputs 'y' and 'x' have other lengths on axis 't', first in d:2:1"},
      {lines + "{x: {column: line, as: id}}\ntokens: {a: {least: 2}}\n", "a\n", "E0808: train.data.tokens has 'a', which no input reads"},
      {lines + "{x: {column: line, along: {m: words}, tokens: a}}\nsets: {along: m, same: row, train: {sizes: [1]}}\n", "a\n",
       "E0808: axis 'm' is that of train.data.sets"},
      {lines + "{x: {column: line, as: id}}\nsets: {along: m, same: line, train: {sizes: [2]}}\n", "a\nb\n",
       "E0812: train.data gives no example"},
      {lines + "{x: {column: line, at: next}}\n", "a\n", "E0808: train.data.inputs.x.at has no meaning for examples: records"},
      {lines + "{x: {column: line, marks: [end]}}\n", "a\n", "E0808: train.data.inputs.x.marks needs along: {AXIS: ..} and tokens: NAME"},
      {lines + "{x: {column: line, along: {t: {by: words, most: 0}}, tokens: a}}\n", "a\n", "E0803: train.data.inputs.x.along.t.most"},
      {lines + "{x: {column: line, as: id}}\nwindow: 3\n", "a\n", "E0808: train.data.window has no meaning for examples: records"},
      {"inputs: {x: {column: x, tokens: a}}\n", "x\n1\n", "E0808: train.data.inputs.x.tokens has no meaning for examples: series"},
      {"format: lines\nexamples: series\ninputs: {x: {column: line, as: id}}\n", "a\n", "E0808: train.data: only the rows of csv and tsv"},
      {lines + "{x: {column: line, along: {t: words}, tokens: a}}\ntokens: {a: {least: 2, unknown: false}}\n", "a\n",
       "so it needs unknown: true"},
  };
  for (const Mistake& mistake : mistakes) EXPECT_THAT(make(mistake.data, mistake.text).messages(), HasSubstr(mistake.says));
}

}  // namespace
}  // namespace tapeloop
