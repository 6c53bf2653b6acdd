// tapeloop train MODEL: every seed of the train: section, then a table of what they came to.
#include "models/facade/train.h"

#include <fmt/format.h>

#include <filesystem>

#include "models/facade/json_text.h"
#include "tools/commands.h"
#include "tools/report.h"
#include "tools/training_lines.h"

namespace tapeloop::tool {
namespace {

// "examples: train 6739, validation 801, test 776; tokens: letters 27"
std::string data_text(const TrainingReport& report) {
  std::string text;
  for (const Split split : kSplits) {
    const std::size_t count = report.examples[static_cast<std::size_t>(split)];
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "examples: " : ", ", split_name(split), count);
  }
  for (const auto& [name, vocabulary] : report.vocabularies) text += fmt::format("; tokens: {} {}", name, vocabulary.size());
  return text + "\n";
}

std::string data_json(const TrainingReport& report) {
  std::string examples, tokens;
  for (const Split split : kSplits) {
    examples +=
        fmt::format("{}\"{}\": {}", examples.empty() ? "" : ", ", split_name(split), report.examples[static_cast<std::size_t>(split)]);
  }
  for (const auto& [name, vocabulary] : report.vocabularies) {
    tokens += fmt::format("{}{}: {}", tokens.empty() ? "" : ", ", json_quoted(name), vocabulary.size());
  }
  return fmt::format("\"examples\": {{{}}}, \"tokens\": {{{}}}", examples, tokens);
}

std::string as_json(const std::string& model, const TrainingReport& report) {
  std::string seeds;
  for (const Outcome& outcome : report.outcomes) {
    seeds += fmt::format(
        "{}{{\"seed\": {}, \"epochs\": {}, \"best_epoch\": {}, \"stopped_early\": {}, \"validation\": {}, \"test\": {}, \"seconds\": "
        "{:.3f}, "
        "\"weights\": {}}}",
        seeds.empty() ? "" : ", ", outcome.seed, outcome.epochs, outcome.best_epoch, outcome.stopped_early,
        numbers_json(outcome.validation), numbers_json(outcome.test), outcome.seconds, json_quoted(outcome.weights));
  }
  return fmt::format("{{\"model\": {}, \"folder\": {}, {}, \"interrupted\": {}, \"seconds\": {:.3f}, \"seeds\": [{}]}}", json_quoted(model),
                     json_quoted(report.folder), data_json(report), report.interrupted, report.seconds, seeds);
}

// A row for each seed that came to its end, a column for each number.
std::string as_text(const TrainingReport& report) {
  const std::string kept = report.interrupted ? fmt::format("stopped; go on with: tapeloop train --resume {}\n", report.folder)
                                              : fmt::format("weights, metrics and configuration: {}\n", report.folder);
  const std::size_t done = report.outcomes.size() - (report.interrupted ? 1 : 0);
  if (done == 0) return data_text(report) + kept;
  std::vector<std::vector<std::string>> rows{{"seed", "epochs", "best"}};
  for (const auto& [name, value] : report.outcomes.front().validation) rows[0].push_back("validation " + name);
  for (const auto& [name, value] : report.outcomes.front().test) rows[0].push_back("test " + name);
  rows[0].emplace_back("seconds");
  for (std::size_t k = 0; k < done; ++k) {
    const Outcome& outcome = report.outcomes[k];
    std::vector<std::string> row{std::to_string(outcome.seed), std::to_string(outcome.epochs), std::to_string(outcome.best_epoch)};
    for (const auto& [name, value] : outcome.validation) row.push_back(fmt::format("{:.5g}", value));
    for (const auto& [name, value] : outcome.test) row.push_back(fmt::format("{:.5g}", value));
    row.push_back(fmt::format("{:.1f}", outcome.seconds));
    rows.push_back(std::move(row));
  }
  return data_text(report) + table(rows) + kept;
}

// A model's file is found again from any folder.
Asked asked_of(const TrainRequest& request) {
  std::error_code error;
  const bool is_file = std::filesystem::is_regular_file(request.model, error);
  return {is_file ? std::filesystem::absolute(request.model).string() : request.model, request.training_values()};
}

// What the run was asked, and then what is asked now.
Asked asked_again(TrainRequest request) {
  if (request.model.find('=') != std::string::npos) {  // tapeloop train --resume RUN KEY=VALUE
    request.key_values.insert(request.key_values.begin(), request.model);
    request.model.clear();
  }
  const std::vector<std::string> now = request.training_values();
  Asked asked = request.model.empty() ? read_asked(request.resume) : asked_of(request);
  if (!request.model.empty()) return asked;
  asked.key_values.insert(asked.key_values.end(), now.begin(), now.end());
  return asked;
}

}  // namespace

int train_command(const TrainRequest& request) {
  const bool resumes = !request.resume.empty();
  if (!resumes && request.model.empty()) {
    print_note("MODEL is required\n  help: name a model, or go on with a run: tapeloop train --resume RUN");
    return kUsage;
  }
  const Asked asked = resumes ? asked_again(request) : asked_of(request);
  const Training training(Model::load(asked.model, asked.key_values));
  for (const Diagnostic& warning : training.warnings()) {
    if (warning.code.starts_with("W08")) print_note(format(warning));  // the others are of the model: tapeloop check
  }
  catch_signals();
  ProgressLine line;
  TrainingOptions options = watched(line, training.spec().seeds.size());
  options.folder = resumes ? request.resume : request.folder;
  options.resume = resumes;
  options.overwrite = request.overwrite;
  options.asked = asked;
  options.on_note = [&line](const std::string& note) {
    line.finish();
    print_note(note);
  };
  const TrainingReport report = training.run(options);
  line.finish();
  print_result(request.json ? as_json(asked.model, report) : as_text(report));
  constexpr int kSignalled = 128;
  return report.interrupted ? kSignalled + caught_signal() : kDone;
}

}  // namespace tapeloop::tool
