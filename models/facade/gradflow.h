// Does a gradient flow from one value to another, by which way, and how large is it? And where does it vanish or explode?
//
//   const Gradflow flow = gradient_flow(model, {.from = "y[t=5]", .to = "h[t=2]"});
//   flow.link->norm                     the norm of d y[t=5] / d h[t=2], 0: nothing flows, and link->why says why
//   flow.values[k].norms[p]             of d y[t=5] / d value k at position p: the whole picture
//
// All derivatives are those that the compiler makes, evaluated by the reference evaluator in double. Of a value with several
// entries the norm is that of the whole matrix of derivatives (Frobenius), over all examples of the batch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/facade/feed.h"
#include "models/facade/flow_paths.h"
#include "models/facade/model.h"

namespace tapeloop {

struct GradflowOptions {
  Mode mode = Mode::kTrain;
  std::string from;            // "": the loss; of a model without one the first output, at its last positions
  std::string to;              // "": the whole picture alone
  std::string along;           // axis of the picture; "": of each value the outermost that it has
  const Feed* feed = nullptr;  // null: inputs are drawn
  std::string weights;         // safetensors; "": parameters start as a training starts them. The feed's own come before both
  std::uint64_t seed = 1;      // of all that is drawn
  std::int64_t rows = 1;       // examples that are drawn
  std::int64_t length = 20;    // positions of their runs
  bool exact = false;          // every entry of `from` by itself, however many there are; else at most 256
};

// How one value depends on another.
struct GradientLink {
  std::string from, to;
  double norm = 0;
  bool flows() const { return norm != 0; }
  std::vector<FlowStep> path;  // the shortest, if it flows; if not, one that is cut, with the fewest cuts, or none
  std::string why;             // nothing flows, or not in training; one line
};

// The norm of a value's derivative.
struct ValueNorms {
  std::string name;
  std::string source;
  std::optional<double> whole;               // of all of it
  std::string axis;                          // along which the next are; "": it has none
  std::vector<std::optional<double>> norms;  // by position; none: no example is that long
  std::optional<double> step;                // by which it grows from a position to the one before: < 1 it vanishes
};

struct Gradflow {
  std::string from;
  bool estimated = false;  // by kGradflowProbes random mixtures of the entries of `from`, not by each of them
  std::string not_finite;  // where a value, or else a derivative, is not finite first; empty: all are
  std::optional<GradientLink> link;
  std::vector<ValueNorms> values;  // by axis, those without one last
};
inline constexpr int kGradflowProbes = 8;

// Throws ModelError: what is wrong with the model, the feed or the places (E0921, E0922); FileError for the weights.
Gradflow gradient_flow(const Model& model, const GradflowOptions& options = {});

}  // namespace tapeloop
