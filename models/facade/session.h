// A model compiled for the sizes of its data, with its parameters and a run: what a program works with.
//
//   Model model = Model::load("gru", {"options.units=64"});
//   Session<float> session(model, {.shapes = {{"x", {3}}}, .seed = 1});
//   session.forward(batch);                             // batch.inputs["x"] is [rows, steps, 3]
//   Array<float> h = session.value("h");                // [rows, longest run, 64], zeros past the ends
//   session.backward({{"h", cotangent}});               // or backward() from the model's loss
//   Array<float> dW = session.gradient("r.linear.x");
//
// Not to be used by two threads at once; sessions of one model are independent.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/array.h"
#include "models/facade/model.h"
#include "runtime/batch.h"
#include "runtime/run.h"
#include "runtime/training/parameters.h"

namespace tapeloop {

struct SessionOptions {
  Mode mode = Mode::kEval;
  // Shapes (no rows, no axes) of what will be fed, by input or parameter name: they bind the model's free sizes.
  std::map<std::string, std::vector<std::int64_t>> shapes;
  bool gradients = true;
  bool input_gradients = false;      // also of float inputs
  bool cotangents = false;           // backward from cotangents of the outputs, even if the model has a loss
  std::vector<std::string> keep;     // values to be read back besides outputs
  std::vector<std::string> without;  // optimisations to leave out
  bool carry = false;                // for Streams: taps read carried values before the first position
  bool recompute = false;            // keep less of each scan for backward and work it out again: see compiler/passes/recompute.h
  std::int64_t positions = 0;        // of a chunk of it: see RunOptions
  std::uint64_t seed = 0;            // of the initial parameters and of random draws
  int threads = 0;                   // at once; 0: as many as this process may use cores. The results are the same to the bit
};

template <class T>
class Session {
 public:
  // Parameters start as the model says. Throws ModelError; also if a size is still free.
  explicit Session(const Model& model, const SessionOptions& options = {});

  Parameters<T>& parameters() { return *parameters_; }
  const Parameters<T>& parameters() const { return *parameters_; }
  void save(const std::string& path) const;  // safetensors, written atomically; throws FileError
  void load(const std::string& path);        // throws FileError; all parameters or none are replaced

  void forward(const Batch<T>& batch);            // throws ModelError for a batch that does not fit
  void backward();                                // from the loss
  void backward(const Cotangents<T>& by_output);  // outputs without one: zeros

  double loss() const;  // of the last forward
  bool has_loss() const;
  // Values and gradients of the last batch by name. Throw ModelError for an unknown name, or a value that was optimised away:
  // name it in SessionOptions::keep.
  Array<T> value(const std::string& name) const;     // [rows, longest run of each axis, shape], zeros past the ends
  Array<T> lengths(const std::string& axis) const;   // of its runs, decided ones too: [rows, longest run of each axis around it]
  Array<T> gradient(const std::string& name) const;  // of a parameter [shape]; of an input as `value`

  const Plan& plan() const { return *plan_; }
  const Graph& graph() const { return compiled_.graph; }
  const Compiled& compiled() const { return compiled_; }
  Run<T>& run() { return *run_; }

 private:
  Compiled compiled_;
  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<Parameters<T>> parameters_;
  std::unique_ptr<Run<T>> run_;
  std::map<std::string, NodeId> values_;  // in the plan, second names included
};

extern template class Session<float>;
extern template class Session<double>;

}  // namespace tapeloop
