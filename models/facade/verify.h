// Proves a model on the spot: its plan against the reference evaluator, its gradients against the complex step, and the plan
// against itself: with each optimisation left out, in chunks of streams, with the examples in another order, with more threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/facade/evaluate.h"
#include "models/facade/feed.h"
#include "models/facade/model.h"

namespace tapeloop {

struct VerifyCheck {
  std::string what;       // "gradients: plan against complex step"
  std::string worst;      // the name of the array with the largest difference
  double difference = 0;  // largest, relative to the array's largest entry
  double allowed = 0;     // for that array: in float more than elsewhere where the model is ill-conditioned; 0: to the bit
  std::string left_out;   // why this was not compared; empty: it was
  bool good() const { return difference <= allowed; }
};

struct VerifyReport {
  std::vector<VerifyCheck> checks;
  std::string not_finite;  // where the model's values are not finite first; empty: they all are
  bool numbers = true;     // false: results are not numbers (NaN), so that nothing is proven by their being equal
  std::string culprit;  // where plan and reference evaluator differ: the first value in the order of the file, the optimisations to blame
  bool good() const;
};

struct VerifyOptions {
  Mode mode = Mode::kTrain;
  std::uint64_t seed = 1;      // of the directions and of random draws
  int threads = 0;             // at once; 0: as many as this process may use cores
  const Feed* feed = nullptr;  // null: trial_feed(model, mode, seed)
  bool drawn = false;          // `feed` is that: others may be drawn as well
};

// The value of `names` (all as they were watched) that comes first in the graph's file and differs by more than `allowed`, with its
// place: "n (gru.yaml:10)". Empty: none does.
std::string first_difference(const Evaluated<double>::Arrays& found, const Evaluated<double>::Arrays& expected, const Graph& graph,
                             double allowed);

// Throws ModelError for a model that does not compile, or a feed that does not fit.
VerifyReport verify_model(const Model& model, const VerifyOptions& options = {});

}  // namespace tapeloop
