// Numbers as a model likes them, and back.
#pragma once

#include <span>
#include <vector>

#include "runtime/training/train_spec.h"

namespace tapeloop {

// From left to right:
//   sqrt      2 (sqrt(y + 1) - 1)                          evens out the spread of counts (Bartlett 1936; sunspots: Tong 1990)
//   standard  (y - mean) / standard deviation (of n)
//   minmax    (y - least) / (greatest - least)
class Scale {
 public:
  Scale() = default;  // none
  // Counts the statistics on `training`, which each step hands on scaled to the next. A constant column is only shifted.
  // REQUIRES: accepts every value.
  Scale(const std::vector<Scaling>& steps, std::span<const double> training);

  static bool accepts(const std::vector<Scaling>& steps, double value);  // false: sqrt of a value below -1
  double apply(double value) const;
  double invert(double value) const;

 private:
  struct Step {
    Scaling kind = Scaling::kStandard;
    double shift = 0;
    double width = 1;
  };
  static double apply(const Step& step, double value);
  std::vector<Step> steps_;
};

}  // namespace tapeloop
