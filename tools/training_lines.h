// What a training says while it runs, and how it is stopped from outside.
#pragma once

#include <string>

#include "models/facade/train.h"
#include "runtime/training/progress.h"

namespace tapeloop::tool {

// From here on SIGINT and SIGTERM ask the training to stop; a second one ends the program at once.
void catch_signals();
int caught_signal();  // 0: none

// Options that draw `line`, write a line an epoch where there is no terminal, and stop on a signal.
TrainingOptions watched(ProgressLine& line, std::size_t seeds);

std::string numbers_text(const NamedNumbers& numbers);                      // "loss 0.1234  arv 0.115"
std::string numbers_json(const NamedNumbers& numbers);                      // {"loss": 0.1234, "arv": 0.115}
Split split_of(const std::string& word);                                    // REQUIRES: train, validation or test
double number_named(const NamedNumbers& numbers, const std::string& name);  // NaN if it is not there

}  // namespace tapeloop::tool
