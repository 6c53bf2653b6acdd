// A random model as a plan runs it against what the reference evaluator says.
#pragma once

#include <set>
#include <string>

#include "core/kind.h"
#include "runtime/run.h"
#include "tests/random/random_model.h"

namespace tapeloop {

struct ComparisonOptions {
  double tolerance = 1e-12;       // of the largest value, and of the largest gradient
  bool each_optimisation = true;  // once more without each of them
  bool complex_step = true;       // the adjoints against the complex step, along one random direction
  int threads = 1;                // see RunOptions
  std::int64_t shard_rows = 16;   // see RunOptions
  TableId swapped = kNone;        // a test of the test: see RunOptions
};

struct Comparison {
  std::string problems;           // empty: equal. Else which optimisation was off, what differs, where
  int scans = 0;                  // of the forward program
  int linear = 0;                 // of both programs: scans in one pass that are a chain
  int together = 0;               // of both programs: scans that do several positions in a step
  int strips = 0;                 // of the backward program of the plan that works values out again
  int tables = 0;                 // of the plan
  std::set<std::string> changed;  // optimisations without which the plan is another
};

// Throws what compiler and runtime throw.
Comparison compare(const RandomModel& model, const Registry& registry, const ComparisonOptions& options = {});

}  // namespace tapeloop
