// A training that is gone on with, from a file that no training wrote.
#include <stdexcept>
#include <string>
#include <vector>

#include "compiler/frontend/container_reader.h"
#include "models/facade/train.h"
#include "runtime/training/atomic_file.h"
#include "runtime/training/safetensors.h"
#include "tests/fuzz/targets.h"

namespace tapeloop::fuzz {
namespace {

// Shuffled windows, batches that wait for each other, adam with a schedule, a mean of the parameters, early stopping.
constexpr const char* kWindows = R"(tapeloop: 1
inputs: {x: {shape: [1]}, target: {axes: [], shape: [1]}}
parameters: {a: [1], b: [1]}
nodes:
  h: tanh(a * x + b * h_tm1)
  error: mse(last(h, along=t), target)
outputs: [h]
loss: error
train:
  data:
    file: sunspots.csv
    window: 3
    scale: {sunspots: [sqrt, standard]}
    inputs: {x: {columns: [sunspots]}, target: {columns: [sunspots], at: next}}
    split: {column: year, train: [1860, 1901], validation: [1902, 1905]}
  batch: 16
  accumulate: 2
  epochs: 3
  optimizer: {name: adam, lr: 0.01}
  schedule: {rule: cosine, over: 4, warmup: 1}
  average: 0.9
  early_stopping: {patience: 1}
)";

// One series in parts, with a state that is handed on.
constexpr const char* kSeries = R"(tapeloop: 1
inputs: {x: {shape: [1]}}
parameters: {a: [1], b: [1]}
nodes:
  h: tanh(a * x + b * h_tm1)
  error: mse(h_tm1, x)
outputs: [h]
loss: error
train:
  data:
    file: sunspots.csv
    scale: {sunspots: [sqrt, standard]}
    inputs: {x: {columns: [sunspots]}}
    split: {column: year, train: [1880, 1901], validation: [1902, 1905]}
  epochs: 3
  optimizer: {name: sgd, lr: 0.01, momentum: 0.5}
  truncate: {every: 4, back: 6}
)";

std::vector<Training> trainings() {
  std::vector<Training> result;
  for (const char* yaml : {kWindows, kSeries}) {
    Diagnostics diagnostics;
    const auto container = read_container(yaml, "resume.yaml", "", diagnostics);
    if (!container || diagnostics.has_errors()) throw std::logic_error("what is gone on with is no model");
    result.emplace_back(Model(*container));
  }
  return result;
}

// Goes on to the next step but one; what is kept there must be taken again.
void go_on(const Training& training, const TensorFile& file) {
  Trainer<float> trainer = training.trainer(1);
  trainer.restore(file, "fuzz");
  int pauses = 0;
  TensorFile kept;
  Callbacks callbacks;
  callbacks.batch = [&](const Progress&) { return ++pauses < 2; };
  callbacks.checkpoint = [&] { kept = trainer.checkpoint(); };
  trainer.fit(training.data(), callbacks);
  if (!kept.tensors.empty()) training.trainer(1).restore(decode_safetensors(encode_safetensors(kept), "kept"), "kept");
}

}  // namespace

int trainings_that_go_on(std::string_view bytes) {
  static const std::vector<Training> kTrainings = trainings();
  const TensorFile file = decode_safetensors(bytes, "fuzz");
  int count = 0;
  for (const Training& training : kTrainings) {
    try {
      go_on(training, file);
      ++count;
    } catch (const FileError&) {  // a checkpoint of the other training
    } catch (const ModelError&) {
    }
  }
  return count;
}

void resume(std::string_view bytes) { trainings_that_go_on(bytes); }

}  // namespace tapeloop::fuzz
