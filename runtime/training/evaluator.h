// What parameters are worth: loss and metrics over a split of the data.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/array.h"
#include "core/plan.h"
#include "runtime/batch.h"
#include "runtime/run.h"
#include "runtime/training/dataset.h"
#include "runtime/training/decoder.h"
#include "runtime/training/metrics.h"
#include "runtime/training/train_spec.h"

namespace tapeloop {

// How many positions the loss of this batch is a mean of; batches are joined in proportion. On axes within each other the innermost
// counts.
template <class T>
double loss_positions(const Plan& plan, const Batch<T>& batch);

template <class T>
class Evaluator {
 public:
  // plan: the model compiled for evaluation, with a loss; train: for training, whose loss says what counts. Parameters are bound to run()
  // and, with decode_with, to decoder()->run().
  Evaluator(std::shared_ptr<const Plan> plan, std::shared_ptr<const Plan> train, TrainSpec spec, const RunOptions& options);

  // The same model in mode decode: with it `evaluate` says what spec.decoding asks for. REQUIRES: executable, spec.decoding
  void decode_with(std::shared_ptr<const Plan> plan);
  Run<T>& run() { return run_; }
  Decoder<T>* decoder() { return decoder_.get(); }  // null without decode_with

  // ("loss", mean over all positions) and the metrics of the specification, in the file's own units; then those of decoding.
  NamedNumbers evaluate(const Dataset& data, Split split);
  // The same of the validation split after an epoch (from 1), decoding as often as spec.decoding says. Every epoch has the same numbers,
  // those that it does not work out NaN.
  NamedNumbers validate(const Dataset& data, std::int64_t epoch);
  // What the model says for every example of the split: [examples, longest, shape], in the model's units.
  Array<T> predict(const Dataset& data, Split split, const std::string& output);

 private:
  using Sums = std::map<std::size_t, MetricSums>;  // 0: of all examples; else of those of that length on metrics.by, plus 1
  NamedNumbers evaluate_given_truth(const Dataset& data, Split split);
  void add_metrics(const MetricsSpec& spec, const Dataset& data, Split split, std::span<const std::uint32_t> numbers, Sums& sums);

  TrainSpec spec_;
  RunOptions options_;
  std::shared_ptr<const Plan> train_;
  Run<T> run_;
  std::unique_ptr<Decoder<T>> decoder_;  // may be null
  Batch<T> batch_;
};

extern template class Evaluator<float>;
extern template class Evaluator<double>;

}  // namespace tapeloop
