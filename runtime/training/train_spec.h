// What `train:` says, read strictly: every mistake is reported where it stands, none is guessed around.
//
//   train:
//     data: ..                                 # what to learn from: runtime/training/data_spec.h
//     batch: 64                                # or {examples: 64, bucket: t}: batches of examples of about one length on t
//     threads: 2
//     epochs: 300
//     shuffle: true
//     optimizer: {name: adam, lr: 0.01}        # settings: runtime/training/optimizers.h
//     schedule: {rule: cosine, over: 5000, warmup: 100, last: 0.01}   # of the learning rate: runtime/training/schedule.h
//     rates: {"embedding.*": 0.1, "h.linear.bias": 0}  # factors of the learning rate by name, the first that fits; 0 leaves it as it is
//     start: {from: runs/first, take: {"encoder.*": "e.*"}}   # weights of another run: runtime/training/start_weights.h
//     inputs: {beta: {rule: linear, first: 0, last: 1, over: 3000}}   # of the model, by step: runtime/training/scheduled_inputs.h
//     accumulate: 4                            # batches whose gradients make one step, as if they were one batch
//     clip: {norm: 1, value: 5}                # values first
//     average: 0.99                            # evaluates and keeps a mean of the parameters over the last 1 / (1 - 0.99) steps or so
//     memory: {checkpoint: auto}               # works values out again instead of keeping them: in chunks of that many positions
//     truncate: {every: 20, back: 40}          # a step every 20 positions of t, whose losses go back through 40
//     checkpoint: {steps: 1000, epochs: 1, seconds: 300}   # how often all that `train --resume` needs is kept; 0: not by that
//     on_nonfinite: skip                       # leaves out a step whose loss or gradient is not finite; stop: ends the training (E0815)
//     early_stopping: {patience: 60, on: validation, least: 0}  # stops after that many epochs without a gain of more than `least`
//     seeds: [1, 2, 3]                         # one training each; or seed: 1
//     metrics: {output: y, target: target, report: [mse, mae, rmse, arv, accuracy], variance: 1535, by: m}
//     metrics: {output: nll, report: [example_sum]}  # the output summed over each example; the mean of that
//     metrics: [{output: nats, report: [example_sum]}, {output: kl, report: [example_sum]}]  # several outputs: "kl example_sum"
//     decoding: {output: token, target: phones, report: [sequence_error], every: 5}  # the model in mode decode, its tokens held as a
//                                              # whole against the target's: after training, and every 5 epochs on the validation split;
//                                              # without `report` they are held against nothing, for models that say what they like
//     folder: runs/sunspots                    # where a run leaves its files
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/container.h"
#include "core/diagnostics.h"
#include "core/tree.h"
#include "runtime/training/data_spec.h"
#include "runtime/training/optimizers.h"
#include "runtime/training/schedule.h"
#include "runtime/training/scheduled_inputs.h"

namespace tapeloop {

enum class Metric { kMse, kMae, kRmse, kArv, kAccuracy, kExampleSum };
const char* metric_name(Metric metric);

struct MetricsSpec {
  NamedAt output;
  NamedAt target;  // empty for example_sum alone
  std::vector<Metric> report;
  NamedAt by;           // an axis: also for the examples of each length on it; empty: no
  double variance = 0;  // arv = mse / variance (Weigend, Huberman & Rumelhart 1990)
};

// sequence_error: the share of the examples whose decoded tokens are none of the answers of their target. Compared are the tokens in the
// order of their positions on all axes; marks are left out, so that it does not matter where the ends of inner runs are.
enum class DecodingMetric { kSequenceError };

struct DecodingSpec {
  NamedAt output;  // ids of the target's vocabulary, on any axes
  NamedAt target;
  std::vector<DecodingMetric> report;  // empty: the target only says what the ids stand for
  std::int64_t every = 0;              // epochs, on the validation split; 0: only what training came to
};

struct EarlyStopping {
  std::int64_t patience = 0;  // epochs
  Split on = Split::kValidation;
  double least = 0;
};

// How often all that a training needs to go on is kept in a file: after so many steps, epochs or seconds, whichever comes first; 0: not by
// that. What was interrupted is kept in any case.
struct CheckpointTimes {
  std::int64_t steps = 0;
  std::int64_t epochs = 0;
  double seconds = 300;
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
  // Or vectors of tokens, as rows of parameters.
  struct Vectors {
    NamedAt parameter, vocabulary;
  };
  std::vector<Vectors> vectors;
  NamedAt tokens;  // a file that names the rows of `from`; empty: none
  std::string tokens_path;
  bool all = true;  // every token must have a vector
};

// Of the first pattern that fits; 1 if none does.
double rate_of(const std::vector<RateOf>& rates, std::string_view parameter);

// Back-propagation through time cut off: every `every` positions of t a step, by the losses of those, which go back through `back`
// positions (Williams & Peng 1990, BPTT(h; h')). What the model carries over from before is taken as it is.
struct Truncate {
  std::int64_t every = 1, back = 1;
  Source source;
};

struct TrainSpec {
  DataSpec data;
  std::int64_t batch = 32;
  NamedAt bucket;  // an axis; empty: examples of any lengths stand in a batch
  std::int64_t epochs = 100;
  bool shuffle = true;
  int threads = 0;  // at once; 0: as many as this process may use cores. Changes no result
  OptimizerSpec optimizer;
  Schedule schedule;
  std::vector<RateOf> rates;
  std::vector<StartFrom> start;
  std::vector<ScheduledInput> inputs;
  std::int64_t accumulate = 1;  // batches a step
  double clip_norm = 0;         // 0: not clipped
  double clip_value = 0;        // 0: not clipped
  double average = 0;           // weight of the past in the mean of the parameters over the steps; 0: no mean
  std::optional<Checkpoint> checkpoint;
  std::optional<Truncate> truncate;
  CheckpointTimes checkpoint_times;
  bool skips_nonfinite = false;  // a step whose loss or gradient is not finite is left out; else it ends the training
  std::optional<EarlyStopping>
      early_stopping;  // without it all epochs are gone through; the best on the validation split are kept all the same
  std::vector<std::uint64_t> seeds{1};
  std::vector<MetricsSpec> metrics;  // of several, numbers are called OUTPUT METRIC
  std::optional<DecodingSpec> decoding;
  std::string folder;
};

// The tree with `optimizer.lr` (key) set to `1e-3` (value), in order; a value may be a list or map in flow style, [1, 2] or {a: 1}.
// Below `rates` and `start.take` a key has dots of its own: rates.encoder.* is the key "encoder.*" there. Keys that are not there
// are added, so that the strict reading finds the unknown ones. Their source is "command line", the line counts the overrides.
Tree apply_overrides(Tree train, const std::vector<Override>& overrides, Diagnostics& diagnostics);

// What could be read is in the result; use it only without errors.
TrainSpec read_train_spec(const Tree& train, const DataPlaces& places, Diagnostics& diagnostics);

}  // namespace tapeloop
