// tapeloop eval MODEL --weights FILE: loss and metrics of trained weights on one split of the data.
#include <fmt/format.h>

#include "models/facade/json_text.h"
#include "models/facade/train.h"
#include "runtime/training/safetensors.h"
#include "tools/commands.h"
#include "tools/report.h"
#include "tools/training_lines.h"

namespace tapeloop::tool {

int eval_command(const UseRequest& request) {
  const TrainedRun run = trained_run(request, request.weights);
  const Training training(Model::load(run.asked.model, run.asked.key_values), read_vocabularies(run.weights));
  Trainer<float> trainer = training.trainer(training.spec().seeds.front());
  trainer.parameters().take_from(load_safetensors(run.weights), run.weights);
  const Split split = split_of(request.split);
  const NamedNumbers numbers = trainer.evaluate(training.data(), split);
  const std::size_t examples = training.data().examples(split);
  if (request.json) {
    print_result(fmt::format("{{\"model\": {}, \"split\": {}, \"examples\": {}, \"numbers\": {}}}", json_quoted(run.asked.model),
                             json_quoted(request.split), examples, numbers_json(numbers)));
    return kDone;
  }
  std::vector<std::vector<std::string>> rows{{"split", request.split}, {"examples", std::to_string(examples)}};
  for (const auto& [name, value] : numbers) rows.push_back({name, fmt::format("{:.6g}", value)});
  print_result(table(rows));
  return kDone;
}

}  // namespace tapeloop::tool
