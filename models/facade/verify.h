// Proves a model on the spot: its plan against the reference evaluator, its gradients against the complex step, and the plan
// against itself with each optimisation left out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/facade/feed.h"
#include "models/facade/model.h"

namespace tapeloop {

struct VerifyCheck {
  std::string what;       // "gradients: plan against complex step"
  std::string worst;      // the name of the array with the largest difference
  double difference = 0;  // largest, relative to the array's largest entry
  double allowed = 0;     // for that array: in float more than elsewhere where the model is ill-conditioned
  bool good() const { return difference <= allowed; }
};

struct VerifyReport {
  std::vector<VerifyCheck> checks;
  bool good() const;
};

struct VerifyOptions {
  Mode mode = Mode::kTrain;
  std::uint64_t seed = 1;      // of the directions and of random draws
  int threads = 0;             // at once; 0: as many as this process may use cores
  const Feed* feed = nullptr;  // null: trial_feed(model, mode, seed)
};

// Throws ModelError for a model that does not compile, or a feed that does not fit.
VerifyReport verify_model(const Model& model, const VerifyOptions& options = {});

}  // namespace tapeloop
