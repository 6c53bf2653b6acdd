// A feed of random numbers that fits a model: small sizes, ragged lengths, empty runs among them.
#pragma once

#include <cstdint>

#include "models/facade/feed.h"
#include "models/facade/model.h"

namespace tapeloop {

struct TrialSizes {
  std::int64_t rows = 3;
  std::int64_t longest = 4;     // positions of a run
  std::int64_t free_sizes = 0;  // 0: each from 3 to 5
  bool ragged = true;           // runs have 0 to `longest` positions; else all have `longest`
};

// Parameters and float inputs lie in [-1, 1), int inputs in what their readers accept (the rows of an embedding's table), else in
// 0 to 3. The same seed gives the same feed. Throws ModelError for a model that does not compile.
Feed trial_feed(const Model& model, Mode mode, std::uint64_t seed, const TrialSizes& sizes = {});

}  // namespace tapeloop
