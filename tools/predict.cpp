// tapeloop predict MODEL --weights FILE: the outputs of trained weights on one split of the data.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "models/facade/decode_text.h"
#include "models/facade/json_text.h"
#include "models/facade/train.h"
#include "runtime/training/safetensors.h"
#include "tools/commands.h"
#include "tools/report.h"
#include "tools/training_lines.h"

namespace tapeloop::tool {
namespace {

// In the units of the data file, if the metrics say which column the output is about; else in the model's.
void to_file_units(const Training& training, const std::string& output, Array<float>& values) {
  const auto& all = training.spec().metrics;
  const auto metrics = std::find_if(all.begin(), all.end(), [&](const MetricsSpec& spec) { return spec.output.name == output; });
  if (metrics == all.end() || metrics->target.name.empty()) return;
  const std::size_t input = training.data().input(metrics->target.name);
  const auto& shape = training.data().forms()[input].shape;
  const std::size_t elements = shape.empty() ? 1 : static_cast<std::size_t>(shape.back());
  for (std::size_t k = 0; k < values.data.size(); ++k) {
    values.data[k] = static_cast<float>(training.data().original(input, k % elements, static_cast<double>(values.data[k])));
  }
}

// A line for each example: its number, then its values.
std::string as_csv(const std::string& output, const Array<float>& values) {
  const std::size_t rows = values.dims.empty() ? 0 : static_cast<std::size_t>(values.dims[0]);
  const std::size_t columns = rows == 0 ? 0 : values.data.size() / rows;
  std::string text = "example";
  for (std::size_t k = 0; k < columns; ++k) text += columns == 1 ? "," + output : fmt::format(",{}_{}", output, k);
  for (std::size_t row = 0; row < rows; ++row) {
    text += fmt::format("\n{}", row);
    for (std::size_t k = 0; k < columns; ++k) text += fmt::format(",{:.7g}", values.data[row * columns + k]);
  }
  return text;
}

// A line for each example: what was read, then what the model says.
int print_decoded(const UseRequest& request, const Training& training, Trainer<float>& trainer) {
  const std::vector<DecodedText> decoded =
      request.texts.empty() ? decode_split(training, trainer, split_of(request.split)) : decode_texts(training, trainer, request.texts);
  std::string lines, objects;
  for (const DecodedText& text : decoded) {
    lines += fmt::format("{}{}\t{}", lines.empty() ? "" : "\n", text.read, text.said);
    objects += fmt::format("{}{{\"read\": {}, \"said\": {}}}", objects.empty() ? "" : ", ", json_quoted(text.read), json_quoted(text.said));
  }
  print_result(request.json ? fmt::format("{{\"model\": {}, \"output\": {}, \"decoded\": [{}]}}", json_quoted(request.model),
                                          json_quoted(training.spec().decoding->output.name), objects)
                            : lines);
  return kDone;
}

// A line for each text.
int print_samples(const UseRequest& request, const Training& training, Trainer<float>& trainer) {
  std::string lines, items;
  for (const std::string& text : sample_texts(training, trainer, static_cast<std::size_t>(request.samples))) {
    lines += (lines.empty() ? "" : "\n") + text;
    items += (items.empty() ? "" : ", ") + json_quoted(text);
  }
  print_result(request.json ? fmt::format("{{\"model\": {}, \"samples\": [{}]}}", json_quoted(request.model), items) : lines);
  return kDone;
}

}  // namespace

int predict_command(const UseRequest& asked) {
  const TrainedRun run = trained_run(asked, asked.weights);
  UseRequest request = asked;
  request.model = run.asked.model;
  const Training training(Model::load(run.asked.model, run.asked.key_values), read_vocabularies(run.weights));
  Trainer<float> trainer = training.trainer(request.seed);
  trainer.parameters().take_from(load_safetensors(run.weights), run.weights);
  if (request.samples > 0) return print_samples(request, training, trainer);
  if (request.mode == "decode" || !request.texts.empty()) return print_decoded(request, training, trainer);
  const auto& metrics = training.spec().metrics;
  const std::string output = metrics.empty() ? training.plan().outputs.front().name : metrics.front().output.name;
  Array<float> values = trainer.predict(training.data(), split_of(request.split), output);
  to_file_units(training, output, values);
  if (request.json) {
    print_result(fmt::format("{{\"model\": {}, \"split\": {}, \"output\": {}, \"values\": {}}}", json_quoted(request.model),
                             json_quoted(request.split), json_quoted(output), json_array(values)));
  } else {
    print_result(as_csv(output, values));
  }
  return kDone;
}

}  // namespace tapeloop::tool
