// A GRU written in C++: built from equations, compiled, run forward and backward, and stepped one position at a time.
#include <fmt/format.h>

#include <cmath>

#include "models/facade/tapeloop.h"

using namespace tapeloop;
using namespace tapeloop::api;

namespace {

// The same container as models/cells/gru.yaml; the plan is the same, too.
Container make_gru() {
  Definition gru{"gru"};
  const Expr units = gru.option("units", 128);
  const Expr x = gru.input("x", {.shape = {free("features")}});
  const Expr h = gru.declare("h");  // may be tapped before it is defined
  const Expr r = gru.node("r", sigmoid(linear({x, h.tm(1)}, {.units = units})));
  const Expr z = gru.node("z", sigmoid(linear({x, h.tm(1)}, {.units = units})));
  const Expr n = gru.node("n", tanh(linear({x, r * h.tm(1)}, {.units = units})));
  gru.define(h, z * h.tm(1) + (1 - z) * n);
  gru.output(h);
  return gru.container();
}

// Two examples with 4 and 2 real steps of 3 features; what lies past an example's end is never read.
Batch<float> make_batch() {
  Batch<float> batch;
  batch.rows = 2;
  Array<float> x{{2, 4, 3}, {}};
  for (int k = 0; k < 24; ++k) x.data.push_back(std::sin(0.5F * static_cast<float>(k)));
  batch.inputs["x"] = x;
  batch.lengths["t"] = {4, 2};
  return batch;
}

double norm(const Array<float>& array) {
  double sum = 0;
  for (const float value : array.data) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

}  // namespace

int main() {
  try {
    const Model model(make_gru(), {"options.units=5"});

    SessionOptions options;
    options.shapes = {{"x", {3}}};
    options.seed = 1;
    Session<float> session(model, options);
    session.forward(make_batch());
    const Array<float> h = session.value("h");  // [2, 4, 5], zeros past the ends
    fmt::print("h is [{}, {}, {}], of length {:.6f}\n", h.dims[0], h.dims[1], h.dims[2], norm(h));

    session.backward({{"h", h}});  // the gradient of |h|^2 / 2
    for (const char* name : {"r.linear.x", "z.linear.x", "n.linear.x"})
      fmt::print("gradient of {}: length {:.6f}\n", name, norm(session.gradient(name)));

    Stepper<float> stepper(model, 2, options);  // the same seed: the same weights
    const Array<float> x = make_batch().inputs["x"];
    for (std::size_t t = 0; t < 2; ++t) {
      Array<float> now{{2, 3}, std::vector<float>(6)};
      for (std::size_t k = 0; k < 6; ++k) now.data[k] = x.data[(k / 3 * 4 + t) * 3 + k % 3];
      const Array<float> step = stepper.step({{"x", now}}).at("h");  // [2, 5]
      fmt::print("step {}: h[0] {:.6f} here, {:.6f} in the whole run\n", t, step.data[0], h.data[t * 5]);
    }
    return 0;
  } catch (const ModelError& error) {
    fmt::print(stderr, "{}\n", error.what());  // everything that is wrong, in one message
    return 1;
  }
}
