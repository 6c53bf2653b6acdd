// What a training left, as `--weights` names it: the file, the model that it belongs to, and what that was trained with.
#pragma once

#include <string>
#include <vector>

#include "models/facade/feed.h"
#include "models/facade/resume.h"

namespace tapeloop {

struct TrainedRun {
  Asked asked;          // the model, and the run's own KEY=VALUEs before those that are given now
  std::string weights;  // a file
  std::string note;     // a sentence that the user should read; may be empty
};

// `weights` is a file, or the folder of a run: best.safetensors in it. Where its run says (config.yaml beside it) which model it trained,
// that need not be named, and what it was trained with is taken, unless another model is named. Throws FileError: E0903 for a folder
// without weights, E0909 if no model is named and the run does not tell it.
TrainedRun find_trained_run(const Asked& now, const std::string& weights);

// The parameters in a file of weights that the feed does not have. Throws FileError.
void add_weights(Feed& feed, const std::string& weights);

}  // namespace tapeloop
