// Where a training is. With these numbers, the parameters and what the optimizer remembers, another process goes on to the same bits,
// given the same model, data and specification: orders and random draws are functions of seed, epoch and step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/training/metrics.h"
#include "runtime/training/safetensors.h"

namespace tapeloop {

// One epoch.
struct HistoryRow {
  std::int64_t epoch = 0;    // from 1
  std::int64_t steps = 0;    // since the start
  double train_loss = 0;     // mean over the epoch's batches
  double gradient_norm = 0;  // the largest of the epoch
  NamedNumbers validation;   // loss and metrics; empty without a validation split
  double seconds = 0;        // since the start
  bool best = false;         // so far
};

struct FitState {
  std::int64_t epoch = 1;       // at work, or to come
  std::int64_t batch = 0;       // done in it
  std::int64_t position = 0;    // with train.truncate: of t, done of the batch after those
  std::int64_t batch_step = 0;  // steps before that batch
  double loss = 0, weight = 0;  // sums over the epoch's batches: of loss times positions, and of positions
  double part_loss = 0;         // the same over the parts of the batch at work
  double part_weight = 0;
  double gradient_norm = 0;  // the largest of the epoch
  std::int64_t waiting = 0;  // with train.accumulate: batches since the last step
  double waiting_loss = 0;   // and sums over them
  double waiting_weight = 0;
  std::int64_t skipped = 0;         // steps (with train.accumulate batches) left out, as they were not finite
  std::int64_t averaged = 0;        // with train.average: steps in the mean
  std::int64_t best_epoch = 0;      // 0: none yet
  double best_loss = 0;             // on the split that early stopping watches
  std::int64_t waited = 0;          // epochs since the best
  double seconds = 0;               // since the start
  std::vector<HistoryRow> history;  // of the epochs before
};

// As arrays fit/NAME and history/NAME.
void append_to(TensorFile& file, const FitState& state);
// Throws FileError E0908 for what no training writes; `path` is for messages.
FitState read_fit_state(const TensorFile& file, const std::string& path);

// A number of steps, epochs ..: 0 .. 2^40. Throws FileError E0908 for anything else.
std::int64_t checkpoint_count(const TensorFile& file, const std::string& name, const std::string& path);
// One number, or as many as `count` says, under that name: an array of T. Throws FileError E0908 for anything else.
template <class T>
std::vector<T> checkpoint_values(const TensorFile& file, const std::string& name, std::int64_t count, const std::string& path);

}  // namespace tapeloop
