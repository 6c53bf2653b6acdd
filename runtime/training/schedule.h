// How the learning rate changes from step to step: a factor on the optimizer's own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tapeloop {

// n counts from 0 after the warmup, during which the factor grows linearly from 1 / warmup to 1.
//   constant      1
//   linear        from 1 to `last` over `over` steps, then `last`
//   cosine        the same along half a cosine            Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts
//   exponential   factor^(n / every)
//   steps         factor^floor(n / every)
//   inverse       1 / (1 + rate n)
struct Schedule {
  enum class Rule { kConstant, kLinear, kCosine, kExponential, kSteps, kInverse };
  Rule rule = Rule::kConstant;
  std::int64_t warmup = 0;  // steps
  std::int64_t over = 0;    // steps
  double last = 0;
  double factor = 1;
  std::int64_t every = 1;  // steps
  double rate = 0;         // per step

  double at(std::int64_t step) const;  // step: from 0
};

// In the order of Schedule::Rule.
const std::vector<std::string>& schedule_rules();

}  // namespace tapeloop
