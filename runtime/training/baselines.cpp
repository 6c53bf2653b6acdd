#include "runtime/training/baselines.h"

#include <Eigen/Dense>

namespace tapeloop {

double persistence_error(std::span<const double> series, std::size_t first, std::size_t last) {
  double sum = 0;
  for (std::size_t k = first; k <= last; ++k) sum += (series[k] - series[k - 1]) * (series[k] - series[k - 1]);
  return sum / static_cast<double>(last - first + 1);
}

double AutoRegression::predict(std::span<const double> series, std::size_t k) const {
  double sum = constant;
  for (std::size_t i = 0; i < weights.size(); ++i) sum += weights[i] * series[k - 1 - i];
  return sum;
}

double AutoRegression::error(std::span<const double> series, std::size_t first, std::size_t last) const {
  double sum = 0;
  for (std::size_t k = first; k <= last; ++k) sum += (series[k] - predict(series, k)) * (series[k] - predict(series, k));
  return sum / static_cast<double>(last - first + 1);
}

AutoRegression fit_auto_regression(std::span<const double> series, std::size_t order, std::size_t first, std::size_t last) {
  const auto rows = static_cast<Eigen::Index>(last - first + 1);
  const auto columns = static_cast<Eigen::Index>(order) + 1;
  Eigen::MatrixXd past(rows, columns);  // a row for each target: 1, y(k-1) .. y(k-order)
  Eigen::VectorXd targets(rows);
  for (Eigen::Index r = 0; r < rows; ++r) {
    const std::size_t k = first + static_cast<std::size_t>(r);
    targets(r) = series[k];
    past(r, 0) = 1;
    for (Eigen::Index i = 1; i < columns; ++i) past(r, i) = series[k - static_cast<std::size_t>(i)];
  }
  const Eigen::VectorXd solution = past.colPivHouseholderQr().solve(targets);
  AutoRegression result;
  result.constant = solution(0);
  result.weights.assign(solution.data() + 1, solution.data() + solution.size());
  return result;
}

}  // namespace tapeloop
