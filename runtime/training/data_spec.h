// What `train.data:` says: which files, what an example is, what each input of the model reads from it, who trains on what.
//
//   data:
//     file: sunspots.csv                     # below the model's folder, else the data folder, else one that comes with Tapeloop
//     files: {male: names/male.txt, female: names/female.txt}  # instead: several as one set; the column `file` holds the key
//     files: {all: {image: rows.npy, label: labels.npy}}       # arrays side by side (.npy, IDX): the rows of each are a column
//     format: lines                          # csv, tsv, lines, json_lines, npy, idx; without it the file's ending says. .gz of any
//     delimiter: comma                       # of csv: comma (default), semicolon, tab
//     header: [year, sunspots]               # only for a csv or tsv file that has no header line
//     examples: records                      # each record (row, line) is an example. Default but for csv and tsv: there, series
//     scale: {sunspots: [sqrt, standard]}    # from left to right; sqrt, standard, minmax; counted on the training records alone
//     repeated: {column: line, keep: none}   # none: leaves out records whose cell is there more than once; first: all but one
//     split: {column: year, train: [1712, 1901], validation: [1902, 1920], test: [1921, 1955]}  # or one word: test: heldout
//     split: {hash: line, modulo: 10, train: [2, 9], validation: 1, test: 0}  # by int(sha1(cell)) % 10
//     split: {train: {file: train, row: [0, 54999]}, test: {file: test}}      # all must hold; `row` counts in a file, from 0
//
// Series: the rows of a table are steps in time.
//     group: location                        # rows of one value are a series of their own; without it the file is one
//     window: 12                             # an example: 12 rows in a row and the one after them. Without: a series is one example
//     axis: t                                # along which the rows lie (t)
//     inputs:                                # the model's inputs by name
//       x: {columns: [sunspots]}             # the window, [1] at each step; `column: sunspots` has shape [] instead
//       target: {columns: [sunspots], at: next}               # the row after it
//       sky: {column: weather, as: one_hot}                   # one_hot: [categories]; id: their number, from 0
//       counts: {mask: true}                                  # 1 where the row to predict belongs to the split, else 0
//
// Records: text, numbers, or nested lists of these. The columns of lines are `line`, those of JSON lines their keys.
//     inputs:
//       name: {column: line, along: {t: characters}, tokens: letters, marks: [end]}     # ids on [t]: int
//       phones: {column: phones, along: {t: words, u: "+"}, empty: _, tokens: phones}   # cut at blanks, then at "+"; "_" is none
//       message: {column: text, along: {t: {by: words, most: 400}}, tokens: words}      # the first 400 of them
//       said: {column: phones, along: {t: words}, tokens: phones, alternatives: " | "}  # a cell has several answers: the model reads the
//                                              # first; decoding may give any, also in tokens that the vocabulary lacks
//       image: {column: image, along: {t: items}}             # the items of an array or list; what lies within is the shape
//       gender: {column: file, as: id}                        # on no axis
//     tokens: {letters: {least: 2, most: 5000, unknown: true}}  # of a vocabulary; see runtime/training/vocabulary.h
//     sets:                                  # an example is a set of records
//       along: m                             # inputs gain this axis, outermost, but for those of the column `same`
//       same: file                           # the records of a set have one value of this column; without it, any
//       train: {sizes: [1, 2, 3], shuffles: 50}       # each shuffle is cut once into consecutive sets of each size; an epoch of
//       validation: {sizes: [2], shuffles: 5}         # training takes one of the shuffles, evaluation all
//       test: {sizes: [1, 2, 3], shuffles: 20}
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostics.h"
#include "core/tree.h"
#include "runtime/training/named_at.h"

namespace tapeloop {

enum class Split { kTrain, kValidation, kTest };
inline constexpr std::array<Split, 3> kSplits{Split::kTrain, Split::kValidation, Split::kTest};
const char* split_name(Split split);

enum class Scaling { kSqrt, kStandard, kMinMax };
enum class ReadAs { kNumber, kId, kOneHot };
enum class DataFormat { kCsv, kTsv, kLines, kJsonLines, kNpy, kIdx };

// An axis and what lies along it: "items", "characters", "words" (parted by blanks), or else the text that parts it.
struct Cut {
  NamedAt axis;
  std::string by;
  std::int64_t most = 0;  // what lies behind that many is left out; 0: nothing is
};

struct DataInput {
  NamedAt input;                 // of the model
  std::vector<NamedAt> columns;  // empty: a mask
  bool scalar = false;           // one column without a dimension
  ReadAs as = ReadAs::kNumber;
  bool next = false;  // the row after the window
  bool mask = false;
  // Of records only.
  std::vector<Cut> along;  // outermost first
  NamedAt tokens;          // a vocabulary; empty: none
  bool begins = false;     // with the mark of its vocabulary
  bool ends = false;
  std::string empty;         // a word that stands for no token; empty: none
  std::string alternatives;  // what parts the answers in a cell; empty: a cell is one
};

struct ColumnScale {
  NamedAt column;
  std::vector<Scaling> steps;
};

struct TokensSpec {
  NamedAt name;
  std::int64_t least = 1;  // times that a token is in the training split
  std::int64_t most = 0;   // tokens, the most frequent; 0: all
  bool unknown = false;    // what is in no vocabulary is a token of its own
};

// Both ends are included. Compared as numbers if the ends and the column are numbers, else as text (dates: 2012-01-31).
struct SplitRange {
  NamedAt column;  // empty: the one that SplitSpec names
  std::string first, last;
  Source source;
};

struct SplitSpec {
  NamedAt column;
  std::int64_t modulo = 0;                        // not 0: by int(sha1(cell)) % modulo
  std::array<std::vector<SplitRange>, 3> ranges;  // all of a split's must hold; empty: there is no such split
  bool given = false;                             // else everything is for training
};

// Records that stand there more than once.
struct RepeatedSpec {
  NamedAt column;
  bool keep_first = false;
};

struct SetCuts {
  std::vector<std::int64_t> sizes;
  std::int64_t shuffles = 1;
  Source source;
};
struct SetsSpec {
  NamedAt along, same;  // same: empty without
  std::array<SetCuts, 3> cuts;
};

// `column`: what the rows of an array are called; empty for a file of records.
struct DataFile {
  NamedAt column;
  NamedAt file;           // as written
  std::string path;       // where it was found
  std::string_view text;  // or all of it, if it comes with Tapeloop; lives as long as the program
};
// Files that are read side by side: one file of records, or arrays.
struct DataPart {
  std::string key;
  std::vector<DataFile> files;
};

struct DataSpec {
  std::vector<DataPart> parts;
  bool several = false;  // `files:`, so that there is a column `file`
  DataFormat format = DataFormat::kCsv;
  char delimiter = ',';
  std::vector<std::string> header;
  bool records = false;  // each is an example; else rows are steps of series
  NamedAt group;
  std::int64_t window = 0;  // 0: whole series
  std::string axis = "t";
  std::vector<ColumnScale> scale;
  std::vector<TokensSpec> tokens;
  std::optional<RepeatedSpec> repeated;
  std::optional<SetsSpec> sets;
  std::vector<DataInput> inputs;
  SplitSpec split;
  Source source;
};

// Where data files may be: below these folders, in this order, or else in the program itself.
struct BuiltInData {
  std::string_view name;  // "sunspots.csv"
  std::string_view text;
};
struct DataPlaces {
  std::vector<std::string> folders;
  std::vector<BuiltInData> built_in;
};

// What could be read is in the result; use it only without errors. Files are found, not read.
DataSpec read_data_spec(const Tree& data, const DataPlaces& places, Diagnostics& diagnostics);

// Sets path or text by the file, symbolic links followed. Reports E0901 for a path that leads out, E0806 if there is none.
void find_data_file(DataFile& data, const DataPlaces& places, Diagnostics& diagnostics);

}  // namespace tapeloop
