#include "runtime/training/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "compiler/frontend/yaml_reader.h"
#include "runtime/training/array_file.h"
#include "runtime/training/atomic_file.h"
#include "runtime/training/data_file.h"
#include "runtime/training/hash.h"

namespace tapeloop {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<const std::string> named(const char* name) { return std::make_shared<const std::string>(name); }

std::string messages(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& d : diagnostics.sorted()) text += format(d) + "\n";
  return text;
}

std::vector<std::string> texts(const Records& records, const char* column) {
  std::vector<std::string> result;
  for (std::size_t row = 0; row < records.rows(); ++row) result.push_back(text_of(records.value(row, *records.column(column))));
  return result;
}

std::filesystem::path folder_of_this_test() {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("tapeloop_records_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  return folder;
}

TEST(Lines, EndInEitherWayAndEmptyOnesAtTheEndDoNotCount) {
  EXPECT_THAT(texts(*read_lines("\xEF\xBB\xBF"
                                "a b\r\n\nc\n\n\n",
                                nullptr),
                    "line"),
              ElementsAre("a b", "", "c"));
  EXPECT_EQ(read_lines("", nullptr)->rows(), 0U);
  EXPECT_EQ(read_lines("a\nb", named("x.txt"))->source(1, 0).text(), "x.txt:2:1");
}

TEST(JsonLines, HaveTextsNumbersAndLists) {
  Diagnostics diagnostics;
  const auto records = read_json_lines("{\"x\": [[1, 2], [3.5]], \"y\": true, \"z\": \"\\u00e9\"}\n\n{\"z\": \"b\", \"x\": [], \"y\": 0}\n",
                                       named("x.jsonl"), diagnostics);
  ASSERT_EQ(messages(diagnostics), "");
  EXPECT_THAT(records->columns(), ElementsAre("x", "y", "z"));
  EXPECT_THAT(texts(*records, "x"), ElementsAre("[[1, 2], [3.5]]", "[]"));
  EXPECT_THAT(texts(*records, "y"), ElementsAre("1", "0"));
  EXPECT_THAT(texts(*records, "z"), ElementsAre("\xC3\xA9", "b"));
  EXPECT_EQ(records->source(1, 0).text(), "x.jsonl:3:1");
}

TEST(JsonLines, MistakesAreNamedWithTheirLine) {
  Diagnostics diagnostics;
  read_json_lines("{\"x\": 1}\n{\"x\": 1, \"x\": 2}\n{\"x\": null}\n{\"y\": 1}\n[1]\n{\"x\": 1\n{\"x\": {\"a\": 1}}\n", named("x.jsonl"),
                  diagnostics);
  EXPECT_EQ(diagnostics.errors(), 6U);
  EXPECT_THAT(messages(diagnostics), HasSubstr("x.jsonl:2:1: error E0757: the key 'x' is given twice"));
  EXPECT_THAT(messages(diagnostics), HasSubstr("x.jsonl:3:1: error E0757: 'x' has null"));
  EXPECT_THAT(messages(diagnostics), HasSubstr("x.jsonl:4:1: error E0757: the key 'y' is not in the first line"));
}

// A .npy file of version 1 with this header and these bytes.
std::string npy(std::string header, const std::string& data) {
  header.resize(118, ' ');
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + data;
}

TEST(Npy, NumbersAreReadInAnyOrderOfKeys) {
  Diagnostics diagnostics;
  const NumberArray array =
      parse_npy(npy("{'shape': (2, 1, ), 'fortran_order': False, 'descr': '<i4'}", std::string("\x01\x00\x00\x00\xFE\xFF\xFF\xFF", 8)),
                "x.npy", diagnostics);
  ASSERT_EQ(messages(diagnostics), "");
  EXPECT_THAT(array.dims, ElementsAre(2, 1));
  EXPECT_EQ(array.at(0), 1);
  EXPECT_EQ(array.at(1), -2);
}

TEST(Npy, WhatIsNoPlainArrayIsRefused) {
  const std::vector<std::pair<std::string, const char*>> mistakes{
      {"NUMPY", "does not begin as one"},
      {npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "12345678"), "numbers of type '|O'"},
      {npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "1234"), "has structures"},
      {npy("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "1234"), "Fortran's order"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "1234"), "no whole number from 0 on"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "1234"), "has no dimension"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "1234"), "needs 8 bytes of numbers and has 4"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,8), }", "1234"), "more numbers than can be"},
      {npy("{'descr': '<f4', 'shape': (1,), }", "1234"), "lacks"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", "1234"), "has the key 'x'"},
      {npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } + 1", "1234"), "goes on after }"},
      {std::string("\x93NUMPY\x01\x00\xFF\xFF", 10), "has a header of 65535 bytes"},
  };
  for (const auto& [bytes, says] : mistakes) {
    Diagnostics diagnostics;
    parse_npy(bytes, "x.npy", diagnostics);
    EXPECT_THAT(messages(diagnostics), HasSubstr(says));
    EXPECT_EQ(diagnostics.sorted().front().code, "E0758");
  }
}

TEST(Idx, IsBigEndianAndMustBeWhole) {
  Diagnostics diagnostics;
  const std::string bytes("\0\0\x0B\x02\0\0\0\x02\0\0\0\x01\x01\x00\xFF\xFF", 16);
  const NumberArray array = parse_idx(bytes, "x", diagnostics);
  ASSERT_EQ(messages(diagnostics), "");
  EXPECT_THAT(array.dims, ElementsAre(2, 1));
  EXPECT_EQ(array.at(0), 256);
  EXPECT_EQ(array.at(1), -1);
  parse_idx(bytes.substr(0, 15), "x", diagnostics);
  EXPECT_THAT(messages(diagnostics), HasSubstr("E0759: this IDX file needs 4 bytes of numbers and has 3"));
}

TEST(DataFile, GzippedFilesAreUnpackedUpToALimit) {
  const std::filesystem::path path = folder_of_this_test() / "x.gz";
  const gzFile file = gzopen(path.c_str(), "wb");
  const std::string text(3000000, 'a');
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  const DataFile data{{}, {"x.gz", {}}, path.string(), {}};
  EXPECT_EQ(read_data_file(data), text);
  EXPECT_THROW(read_data_file(data, 2999999), FileError);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 9);
  EXPECT_THROW(read_data_file(data), FileError);
  std::filesystem::remove_all(path.parent_path());
}

// FIPS 180-4: sha1("abc") = a9993e36 4706816a ba3e2571 7850c26c 9cd0d89d; the others by python3.
TEST(Hash, IsTheDigestAsOneNumber) {
  EXPECT_EQ(sha1_modulo("abc", 65536), 0xd89dU);
  EXPECT_EQ(sha1_modulo("abc", 1000), 517U);
  EXPECT_EQ(sha1_modulo("", 1000), 305U);
}

struct Opened {
  std::unique_ptr<Records> records;
  DataSpec spec;
  Diagnostics diagnostics;
};

Opened open(const std::string& data, const std::filesystem::path& folder) {
  Opened opened;
  const auto tree = read_yaml(data, named("m.yaml"), opened.diagnostics);
  opened.spec = read_data_spec(*tree, {{folder.string()}, {}}, opened.diagnostics);
  if (!opened.diagnostics.has_errors()) opened.records = open_records(opened.spec, opened.diagnostics);
  return opened;
}

TEST(Records, OfSeveralFilesKnowTheirFileAndRow) {
  const std::filesystem::path folder = folder_of_this_test();
  std::ofstream(folder / "a.txt") << "x\ny\n";
  std::ofstream(folder / "b.txt") << "z\n";
  std::ofstream(folder / "c.csv") << "z\n1\n";
  const Opened good = open("files: {one: a.txt, two: b.txt}\ninputs: {x: {column: file, as: id}}\n", folder);
  ASSERT_EQ(messages(good.diagnostics), "");
  EXPECT_THAT(texts(*good.records, "line"), ElementsAre("x", "y", "z"));
  EXPECT_THAT(texts(*good.records, "file"), ElementsAre("one", "one", "two"));
  EXPECT_THAT(texts(*good.records, "row"), ElementsAre("0", "1", "0"));
  EXPECT_EQ(good.records->source(2, 0).text(), "b.txt:1:1");
  const Opened mixed = open("files: {one: a.txt, two: c.csv}\ninputs: {x: {column: file, as: id}}\n", folder);
  EXPECT_THAT(messages(mixed.diagnostics), HasSubstr("E0808: train.data.files are of several formats"));
  const Opened other =
      open("files: {one: c.csv, two: a.txt}\nformat: tsv\nexamples: records\ninputs: {x: {column: file, as: id}}\n", folder);
  EXPECT_THAT(messages(other.diagnostics), HasSubstr("E0755: 'a.txt' has other columns than 'c.csv'"));
  std::filesystem::remove_all(folder);
}

std::vector<std::uint8_t> splits(const std::string& split, Diagnostics& diagnostics) {
  const auto tree = read_yaml("file: sunspots.csv\nexamples: records\ninputs: {x: {column: line, as: id}}\nsplit: " + split,
                              named("m.yaml"), diagnostics);
  const DataSpec spec = read_data_spec(*tree, {{TAPELOOP_SOURCE_DIR "/models/data"}, {}}, diagnostics);
  return split_records(spec.split, *read_lines("aaron\nabba\nabbe\nabbey\nabdul\n", nullptr), diagnostics);
}

// By python3, int(hashlib.sha1(name).hexdigest(), 16) % 10: 1, 9, 2, 2, 0.
TEST(Splits, MayBeByHash) {
  Diagnostics diagnostics;
  EXPECT_THAT(splits("{hash: line, modulo: 10, train: [2, 9], validation: 1, test: 0}\n", diagnostics), ElementsAre(1, 0, 0, 0, 2));
  EXPECT_EQ(messages(diagnostics), "");
}

TEST(Splits, MayAskSeveralColumns) {
  Diagnostics diagnostics;
  EXPECT_THAT(splits("{train: {line: [a, abbe]}, test: {line: abdul}}\n", diagnostics), ElementsAre(0, 0, 0, 3, 2));
  EXPECT_EQ(messages(diagnostics), "");
  splits("{train: [1, 2]}\n", diagnostics);
  EXPECT_THAT(messages(diagnostics), HasSubstr("E0804: train.data.split needs the key 'column' or 'hash'"));
}

}  // namespace
}  // namespace tapeloop
