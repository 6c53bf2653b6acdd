// What a network has to beat on a series: forecasts that need no network.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tapeloop {

// y(k) = y(k-1). Mean squared error on the targets first .. last (positions in the series, both included). REQUIRES: first >= 1
double persistence_error(std::span<const double> series, std::size_t first, std::size_t last);

// y(k) = c + sum of a_i y(k-i), i = 1..order (Yule 1927).
struct AutoRegression {
  double constant = 0;
  std::vector<double> weights;  // weights[i - 1] = a_i

  double predict(std::span<const double> series, std::size_t k) const;  // from what lies before k
  double error(std::span<const double> series, std::size_t first, std::size_t last) const;
};
// Least squares over the targets first .. last (QR with column pivots). REQUIRES: first >= order, more targets than order
AutoRegression fit_auto_regression(std::span<const double> series, std::size_t order, std::size_t first, std::size_t last);

}  // namespace tapeloop
