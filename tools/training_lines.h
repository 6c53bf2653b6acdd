// What a training says while it runs, and how it is stopped from outside.
#pragma once

#include <optional>
#include <string>

#include "models/facade/train.h"
#include "models/facade/trained_run.h"
#include "runtime/training/progress.h"
#include "tools/commands.h"

namespace tapeloop::tool {

// From here on SIGINT and SIGTERM ask the training to stop; a second one ends the program at once.
void catch_signals();
int caught_signal();  // 0: none

// Options that draw `line`, write a line an epoch where there is no terminal, and stop on a signal.
TrainingOptions watched(ProgressLine& line, std::size_t seeds);

std::string numbers_text(const NamedNumbers& numbers);  // "loss 0.1234  arv 0.115"
std::string numbers_json(const NamedNumbers& numbers);  // {"loss": 0.1234, "arv": 0.115}
// What a command works on: the model that is named, or that of the run that --weights names, with what it was trained with. None: neither
// is named, which is said on stderr. `weights` becomes the file.
std::optional<Asked> asked_model(const Request& request, std::string& weights);
// The run that --weights names, with what is asked now; says on stderr what of it is not taken.
TrainedRun trained_run(const Request& request, const std::string& weights);
Split split_of(const std::string& word);                                    // REQUIRES: train, validation or test
double number_named(const NamedNumbers& numbers, const std::string& name);  // NaN if it is not there

}  // namespace tapeloop::tool
