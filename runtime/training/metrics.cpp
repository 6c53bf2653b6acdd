#include "runtime/training/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tapeloop {

void MetricSums::add(double prediction, double target) {
  const double error = prediction - target;
  squares_ += error * error;
  distances_ += std::abs(error);
  ++count_;
}

void MetricSums::add_class(std::span<const double> scores, std::int64_t target) {
  const auto largest = std::max_element(scores.begin(), scores.end());
  const std::int64_t found = scores.size() == 1 ? std::int64_t{scores[0] >= 0.5} : std::int64_t{largest - scores.begin()};
  right_ += found == target;
  ++classes_;
}

void MetricSums::add_example(double sum) {
  outputs_ += sum;
  ++examples_;
}

NamedNumbers MetricSums::results(const MetricsSpec& spec) const {
  const double none = std::numeric_limits<double>::quiet_NaN();
  const double mse = count_ > 0 ? squares_ / static_cast<double>(count_) : none;
  NamedNumbers results;
  for (const Metric metric : spec.report) {
    double value = none;
    if (metric == Metric::kMse) value = mse;
    if (metric == Metric::kRmse) value = std::sqrt(mse);
    if (metric == Metric::kArv) value = mse / spec.variance;
    if (metric == Metric::kMae && count_ > 0) value = distances_ / static_cast<double>(count_);
    if (metric == Metric::kAccuracy && classes_ > 0) value = static_cast<double>(right_) / static_cast<double>(classes_);
    if (metric == Metric::kExampleSum && examples_ > 0) value = outputs_ / static_cast<double>(examples_);
    results.emplace_back(metric_name(metric), value);
  }
  return results;
}

}  // namespace tapeloop
