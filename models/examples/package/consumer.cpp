// A program of somebody else's: it finds Tapeloop as an installed package, or takes its tree into its own build.
#include <cstdio>

#include "models/facade/tapeloop.h"

int main() {
  try {
    const tapeloop::Model model = tapeloop::Model::load("gru", {"options.units=4"});
    tapeloop::SessionOptions options;
    options.shapes = {{"x", {2}}};
    tapeloop::Session<float> session(model, options);
    tapeloop::Batch<float> batch;
    batch.rows = 1;
    batch.inputs["x"] = {{1, 3, 2}, {1, 2, 3, 4, 5, 6}};
    session.forward(batch);
    for (const float value : session.value("h").data) std::printf("%.9g\n", static_cast<double>(value));  // [1, 3, 4]
    return 0;
  } catch (const tapeloop::ModelError& error) {
    return std::fputs(error.what(), stderr), 1;
  }
}
