// The proofs of `tapeloop verify` on all the models that come with Tapeloop, on the processor that this runs on.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "models/facade/model.h"

namespace tapeloop {

// What was compared in the same way for all models: the largest difference as a share of what is allowed there.
struct SelftestCheck {
  std::string what;  // "gradients: plan against complex step"
  std::int64_t comparisons = 0;
  double difference = 0, allowed = 0;  // where it is worst ..
  std::string worst;                   // .. "lstm, seed 2: d.h"
  bool good() const { return difference <= allowed; }
};

struct SelftestReport {
  std::vector<SelftestCheck> checks;
  std::int64_t models = 0;  // that were proven at least once
  std::int64_t proofs = 0;  // of a model in a mode with a seed
  double seconds = 0;
  bool good() const;
};

struct SelftestOptions {
  double seconds = 60;  // no proof begins after that; but each model is proven once
  int threads = 0;      // at once; 0: as many as this process may use cores
  std::function<void(const std::string& model, std::int64_t proofs)> on_model = {};
};

SelftestReport selftest(const SelftestOptions& options = {});

// Values of options with which a model is small enough for the reference evaluator: "options.units=4".
std::vector<std::string> small_options(const Model& model);

// Whether the model has a mode of its own for decoding: an axis ends there by what the model says.
bool decodes(const Model& model);

}  // namespace tapeloop
