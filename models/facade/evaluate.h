// One evaluation of a model on a feed: outputs, loss and gradients, by the plan or by the reference evaluator.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/array.h"
#include "models/facade/feed.h"
#include "models/facade/model.h"

namespace tapeloop {

struct EvaluateOptions {
  bool gradients = false;
  // "": the model's own loss. "weighted" or "weighted:NAME,NAME": sum_k sin(0.7 k + 0.3) y_k + 0.5 y_k^2 over the padded
  // outputs (all, or those named), k the flat index: a loss in which every entry has a weight of its own.
  std::string loss;
  std::vector<std::string> watch;  // inner values that are wanted besides the outputs: "h", "d.c"
  std::int64_t chunks = 0;         // > 0: outputs alone, of streams in chunks of up to that many positions (models/facade/run_chunks.h)
  bool reference = false;          // by the reference evaluator, always in double
  Mode mode = Mode::kEval;
  std::vector<std::string> without;
  std::uint64_t seed = 0;                 // of random draws
  int threads = 0;                        // at once; 0: as many as this process may use cores
  std::vector<std::int64_t> example_ids;  // by which random draws know the examples; empty: 0, 1, 2 ..
};

template <class T>
struct Evaluated {
  using Arrays = std::vector<std::pair<std::string, Array<T>>>;
  Arrays outputs;  // [example, longest run of each axis, shape], 0 past the ends
  Arrays watched;  // likewise, in the order of EvaluateOptions::watch; what depends on parameters alone is there for every example
  std::optional<double> loss;
  Arrays gradients;  // of parameters [shape]; of float inputs in the layout that was fed
  Arrays lengths;    // of axes whose length a value decides: [example, longest run of each axis around it]

  std::string json() const;  // {"outputs": {..}, "loss": 1.5, "grads": {..}}, and "watched" and "lengths" if there are any
};

// The model compiled for a feed, and the feed as arrays.
template <class T>
struct Prepared {
  Compiled compiled;
  bool weighted = false;                      // the loss is EvaluateOptions::loss
  std::vector<std::string> weighted_outputs;  // which it is about
  bool from_cotangents = false;               // weighted, or cotangents in the feed
  Batch<T> batch;
  std::map<std::string, Array<T>> parameters;
};
template <class T>
Prepared<T> prepare(const Model& model, const Feed& feed, const EvaluateOptions& options);

// Throws ModelError: what is wrong with the model, or how the feed does not fit it.
template <class T>
Evaluated<T> evaluate(const Model& model, const Feed& feed, const EvaluateOptions& options = {});

}  // namespace tapeloop
