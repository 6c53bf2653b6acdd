#include "tools/training_lines.h"

#include <fmt/format.h>

#include <cmath>
#include <csignal>
#include <limits>

#include "models/facade/json_text.h"
#include "tools/report.h"

namespace tapeloop::tool {
namespace {

volatile std::sig_atomic_t caught = 0;

void on_signal(int signal) {
  if (caught != 0) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  caught = signal;
}

std::string title(std::uint64_t seed, std::size_t seeds, std::int64_t epoch, std::int64_t epochs) {
  const std::string of = epochs > 0 ? fmt::format("/{}", epochs) : "";
  return seeds > 1 ? fmt::format("seed {}  epoch {}{}", seed, epoch, of) : fmt::format("epoch {}{}", epoch, of);
}

}  // namespace

void catch_signals() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

int caught_signal() { return caught; }

TrainingOptions watched(ProgressLine& line, std::size_t seeds) {
  TrainingOptions options;
  options.on_batch = [&line, seeds](std::uint64_t seed, const Progress& progress) {
    const double share = progress.batches == 0 ? 1 : static_cast<double>(progress.batch) / static_cast<double>(progress.batches);
    line.update(title(seed, seeds, progress.epoch, progress.epochs), share, fmt::format("loss {:.5g}", progress.loss));
    return caught == 0;
  };
  options.on_epoch = [&line, seeds](std::uint64_t seed, const HistoryRow& row) {
    std::string numbers = fmt::format("loss {:.5g}", row.train_loss);
    if (!row.validation.empty()) numbers += "  validation: " + numbers_text(row.validation) + (row.best ? "  best" : "");
    line.epoch(title(seed, seeds, row.epoch, 0), numbers);
    return caught == 0;
  };
  return options;
}

std::string numbers_text(const NamedNumbers& numbers) {
  std::string text;
  for (const auto& [name, value] : numbers) {
    if (!std::isnan(value)) text += fmt::format("{}{} {:.5g}", text.empty() ? "" : "  ", name, value);
  }
  return text;
}

std::string numbers_json(const NamedNumbers& numbers) {
  std::string text;
  for (const auto& [name, value] : numbers) text += (text.empty() ? "" : ", ") + json_quoted(name) + ": " + json_number(value);
  return "{" + text + "}";
}

TrainedRun trained_run(const Request& request, const std::string& weights) {
  Asked now{request.model, request.training_values()};
  if (now.model.find('=') != std::string::npos) {  // tapeloop eval --weights RUN KEY=VALUE
    now.key_values.insert(now.key_values.begin(), now.model);
    now.model.clear();
  }
  const TrainedRun run = find_trained_run(now, weights);
  if (!run.note.empty()) print_note(run.note);
  return run;
}

std::optional<Asked> asked_model(const Request& request, std::string& weights) {
  if (!weights.empty()) {
    const TrainedRun run = trained_run(request, weights);
    weights = run.weights;
    return run.asked;
  }
  if (!request.model.empty()) return Asked{request.model, request.key_values};
  print_note("MODEL is required\n  help: name a model, or with --weights a run, which knows its own");
  return std::nullopt;
}

Split split_of(const std::string& word) {
  for (const Split split : kSplits) {
    if (word == split_name(split)) return split;
  }
  return Split::kTest;
}

double number_named(const NamedNumbers& numbers, const std::string& name) {
  for (const auto& [key, value] : numbers) {
    if (key == name) return value;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace tapeloop::tool
