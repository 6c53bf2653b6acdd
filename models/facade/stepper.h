// A model run one position of t at a time: for control, sampling, and data that arrive as they are measured.
//
//   Stepper<float> stepper(model, 2, {.shapes = {{"x", {3}}}});
//   stepper.load("weights.safetensors");
//   auto y = stepper.step({{"x", x}}).at("y");           // x [2, 3], y [2, units]
//
// N steps give what one run of length N gives. For models causal along t (no read of the future, none of all of t).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "models/facade/streams.h"

namespace tapeloop {

template <class T>
class Stepper {
 public:
  using Arrays = std::map<std::string, Array<T>>;

  // `rows` streams side by side, all at their start. Throws ModelError: E0609 for a model that is not causal along t, E0732 for
  // an input on another axis than t.
  Stepper(const Model& model, std::int64_t rows, SessionOptions options = {});

  Parameters<T>& parameters() { return streams_.parameters(); }
  void load(const std::string& path) { streams_.load(path); }

  // The next position. inputs: [rows, shape]; an input that is not given keeps what it had (a condition that holds for all steps).
  // Returns the outputs, [rows, shape].
  Arrays step(const Arrays& inputs);
  void reset();                                        // all streams to their start
  std::int64_t position() const { return position_; }  // steps made

 private:
  Streams<T> streams_;  // 0 .. rows - 1
  std::vector<std::int64_t> ids_;
  Batch<T> batch_;  // one position of each
  std::int64_t position_ = 0;
};

extern template class Stepper<float>;
extern template class Stepper<double>;

}  // namespace tapeloop
