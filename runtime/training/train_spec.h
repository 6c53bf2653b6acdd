// What `train:` says, read strictly: every mistake is reported where it stands, none is guessed around.
//
//   train:
//     data:
//       file: sunspots.csv                     # below the model's folder, else one that comes with Tapeloop
//       delimiter: comma                       # comma (default), semicolon, tab
//       header: [year, sunspots]               # only for a file that has no header line
//       group: location                        # rows of one value are a series of their own; without it the file is one
//       window: 12                             # an example: 12 rows in a row and the one after them. Without: a series is one example
//       axis: t                                # along which the rows lie (t)
//       scale: {sunspots: [sqrt, standard]}    # from left to right; sqrt, standard, minmax; counted on the training rows alone
//       inputs:                                # the model's inputs by name
//         x: {columns: [sunspots]}             # the window, [1] at each step; `column: sunspots` has shape [] instead
//         target: {columns: [sunspots], at: next}               # the row after it
//         sky: {column: weather, as: one_hot}                   # one_hot: [categories]; id: their number, from 0
//         counts: {mask: true}                                  # 1 where the row to predict belongs to the split, else 0
//       split: {column: year, train: [1712, 1901], validation: [1902, 1920], test: [1921, 1955]}
//     batch: 64
//     threads: 2
//     epochs: 300
//     shuffle: true
//     optimizer: {name: adam, lr: 0.01}        # settings: runtime/training/optimizers.h
//     schedule: {rule: cosine, over: 5000, warmup: 100, last: 0.01}   # of the learning rate: runtime/training/schedule.h
//     rates: {"embedding.*": 0.1, "h.linear.bias": 0}  # factors of the learning rate by name, the first that fits; 0 leaves it as it is
//     start: {from: runs/first, take: {"encoder.*": "e.*"}}            # begins with weights of another run:
//     runtime/training/start_weights.h accumulate: 4                            # batches whose gradients make one step, as if they were
//     one batch clip: {norm: 1, value: 5}                # values first average: 0.99                            # evaluates and keeps a
//     mean of the parameters over the last 1 / (1 - 0.99) steps or so memory: {checkpoint: auto}               # works values out again
//     instead of keeping them: in chunks of that many positions early_stopping: {patience: 60, on: validation, least: 0}  # stops after
//     that many epochs without a gain of more than `least` seeds: [1, 2, 3]                         # one training each; or seed: 1
//     metrics: {output: y, target: target, report: [mse, mae, rmse, arv, accuracy], variance: 1535}
//     folder: runs/sunspots                    # where a run leaves its files
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/container.h"
#include "core/diagnostics.h"
#include "core/tree.h"
#include "runtime/training/optimizers.h"
#include "runtime/training/schedule.h"

namespace tapeloop {

enum class Split { kTrain, kValidation, kTest };
inline constexpr std::array<Split, 3> kSplits{Split::kTrain, Split::kValidation, Split::kTest};
const char* split_name(Split split);

enum class Scaling { kSqrt, kStandard, kMinMax };
enum class ReadAs { kNumber, kId, kOneHot };

// A name and where the user wrote it.
struct NamedAt {
  std::string name;
  Source source;
};

struct DataInput {
  NamedAt input;                 // of the model
  std::vector<NamedAt> columns;  // empty: a mask
  bool scalar = false;           // one column without a dimension
  ReadAs as = ReadAs::kNumber;
  bool next = false;  // the row after the window
  bool mask = false;
};

struct ColumnScale {
  NamedAt column;
  std::vector<Scaling> steps;
};

// Both ends are included. Compared as numbers if the ends and the column are numbers, else as text (dates: 2012-01-31).
struct SplitRange {
  std::string first, last;
  Source source;
};

struct DataSpec {
  NamedAt file;           // as written
  std::string path;       // where it was found
  std::string_view text;  // or all of it, if it comes with Tapeloop; lives as long as the program
  char delimiter = ',';
  std::vector<std::string> header;
  NamedAt group;
  std::int64_t window = 0;  // 0: whole series
  Source window_source;
  std::string axis = "t";
  std::vector<ColumnScale> scale;
  std::vector<DataInput> inputs;
  NamedAt split_column;  // empty: everything is for training
  std::array<std::optional<SplitRange>, 3> splits;
  Source source;
};

enum class Metric { kMse, kMae, kRmse, kArv, kAccuracy };
const char* metric_name(Metric metric);

struct MetricsSpec {
  NamedAt output;
  NamedAt target;
  std::vector<Metric> report;
  double variance = 0;  // arv = mse / variance (Weigend, Huberman & Rumelhart 1990)
};

struct EarlyStopping {
  std::int64_t patience = 0;  // epochs
  Split on = Split::kValidation;
  double least = 0;
};

// Works out again in backward what forward had, chunk by chunk along t; see runtime/chunked_run.h.
struct Checkpoint {
  std::int64_t positions = 0;  // of a chunk; 0: the square root of the longest run, where the model allows chunks
  Source source;
};

// A factor on the learning rate of the parameters whose names fit the pattern (runtime/training/name_pattern.h).
struct RateOf {
  NamedAt pattern;
  double factor = 1;
};

// Parameters that begin with the numbers of others: names HERE: THERE, either with one * for the same characters, or with none.
struct StartFrom {
  NamedAt from;      // as written
  std::string path;  // of the weights that were found
  struct Take {
    NamedAt here, there;
  };
  std::vector<Take> take;
};

struct TrainSpec {
  DataSpec data;
  std::int64_t batch = 32;
  std::int64_t epochs = 100;
  bool shuffle = true;
  int threads = 0;  // at once; 0: as many as this process may use cores. Changes no result
  OptimizerSpec optimizer;
  Schedule schedule;
  std::vector<RateOf> rates;
  std::vector<StartFrom> start;
  std::int64_t accumulate = 1;  // batches a step
  double clip_norm = 0;         // 0: not clipped
  double clip_value = 0;        // 0: not clipped
  double average = 0;           // weight of the past in the mean of the parameters over the steps; 0: no mean
  std::optional<Checkpoint> checkpoint;
  std::optional<EarlyStopping> early_stopping;
  std::vector<std::uint64_t> seeds{1};
  std::optional<MetricsSpec> metrics;
  std::string folder;
};

// The tree with `optimizer.lr` (key) set to `1e-3` (value), in order; a value may be a flow list, [1, 2]. Keys that are not there
// are added, so that the strict reading finds the unknown ones. Their source is "command line", the line counts the overrides.
Tree apply_overrides(Tree train, const std::vector<Override>& overrides, Diagnostics& diagnostics);

// Where data files may be: below these folders, in this order, or else in the program itself.
struct BuiltInData {
  std::string_view name;  // "sunspots.csv"
  std::string_view text;
};
struct DataPlaces {
  std::vector<std::string> folders;
  std::vector<BuiltInData> built_in;
};

// What could be read is in the result; use it only without errors.
TrainSpec read_train_spec(const Tree& train, const DataPlaces& places, Diagnostics& diagnostics);

// Sets path or text of `data` by its file, symbolic links followed. Reports E0901 for a path that leads out, E0806 if there is none.
void find_data_file(DataSpec& data, const DataPlaces& places, Diagnostics& diagnostics);

}  // namespace tapeloop
