#include "runtime/training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tapeloop {

const std::vector<std::string>& schedule_rules() {
  static const std::vector<std::string> rules{"constant", "linear", "cosine", "exponential", "steps", "inverse"};
  return rules;
}

double Schedule::at(std::int64_t step) const {
  if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
  const auto n = static_cast<double>(step - warmup);
  const double part = over > 0 ? std::min(n / static_cast<double>(over), 1.0) : 1;
  switch (rule) {
    case Rule::kConstant:
      return 1;
    case Rule::kLinear:
      return 1 + part * (last - 1);
    case Rule::kCosine:
      return last + (1 - last) * (1 + std::cos(std::numbers::pi * part)) / 2;
    case Rule::kExponential:
      return std::pow(factor, n / static_cast<double>(every));
    case Rule::kSteps:
      return std::pow(factor, std::floor(n / static_cast<double>(every)));
    case Rule::kInverse:
      return 1 / (1 + rate * n);
  }
  return 1;
}

}  // namespace tapeloop
