#include "runtime/training/scaling.h"

#include <algorithm>
#include <cmath>

namespace tapeloop {
namespace {

double mean_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

double deviation_of(const std::vector<double>& values, double mean) {
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return values.empty() ? 0 : std::sqrt(sum / static_cast<double>(values.size()));
}

}  // namespace

Scale::Scale(const std::vector<Scaling>& steps, std::span<const double> training) {
  std::vector<double> values(training.begin(), training.end());
  for (const Scaling kind : steps) {
    Step step{kind, 0, 1};
    if (kind == Scaling::kStandard) {
      step.shift = mean_of(values);
      step.width = deviation_of(values, step.shift);
    } else if (kind == Scaling::kMinMax && !values.empty()) {
      const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
      step.shift = *least;
      step.width = *greatest - *least;
    }
    if (step.width == 0) step.width = 1;
    for (double& value : values) value = apply(step, value);
    steps_.push_back(step);
  }
}

bool Scale::accepts(const std::vector<Scaling>& steps, double value) {
  // Only the first step sees the file's numbers; later ones may leave the domain only if `standard` stands before `sqrt`.
  return steps.empty() || steps.front() != Scaling::kSqrt || value >= -1;
}

double Scale::apply(const Step& step, double value) {
  if (step.kind == Scaling::kSqrt) return 2 * (std::sqrt(std::max(value, -1.0) + 1) - 1);
  return (value - step.shift) / step.width;
}

double Scale::apply(double value) const {
  for (const Step& step : steps_) value = apply(step, value);
  return value;
}

double Scale::invert(double value) const {
  for (std::size_t k = steps_.size(); k-- > 0;) {
    const Step& step = steps_[k];
    if (step.kind == Scaling::kSqrt) {
      const double root = std::max(value / 2 + 1, 0.0);  // a prediction may lie below what the root can give
      value = root * root - 1;
    } else {
      value = value * step.width + step.shift;
    }
  }
  return value;
}

}  // namespace tapeloop
