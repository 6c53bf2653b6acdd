// How well predictions meet their targets.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/training/train_spec.h"

namespace tapeloop {

using NamedNumbers = std::vector<std::pair<std::string, double>>;

// Sums over predictions, added one at a time; the results do not depend on how they were cut into batches but for rounding.
class MetricSums {
 public:
  // Errors of one number: for mse, mae, rmse and arv.
  void add(double prediction, double target);
  // accuracy of one position: the largest of the scores (the first of equals) is the class; a single one is a probability, whose
  // class is 1 from 0.5 on.
  void add_class(std::span<const double> scores, std::int64_t target);

  // example_sum: the output of one example, summed over its positions and elements.
  void add_example(double sum);

  // mse = mean (p - y)^2, mae = mean |p - y|, rmse = sqrt(mse), arv = mse / variance, accuracy = the share of right classes, example_sum =
  // the mean over the examples. Of nothing: NaN.
  NamedNumbers results(const MetricsSpec& spec) const;

 private:
  double squares_ = 0;
  double distances_ = 0;
  std::int64_t count_ = 0;
  std::int64_t right_ = 0;
  std::int64_t classes_ = 0;
  double outputs_ = 0;
  std::int64_t examples_ = 0;
};

}  // namespace tapeloop
