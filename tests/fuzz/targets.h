// What is fed bytes that nobody wrote: each reader of files, and compiler and runtime on models made of them. A target returns for
// whatever it is given, or throws ModelError or FileError; anything else is a defect.
#pragma once

#include <string_view>
#include <vector>

namespace tapeloop::fuzz {

struct Target {
  const char* name;
  void (*run)(std::string_view bytes);
};

const std::vector<Target>& targets();

// Errors of the user's kind are taken; all others go on.
void run(const Target& target, std::string_view bytes);

void model(std::string_view bytes);        // YAML: read, compiled in both modes, a forward and a backward pass if it is small
void equation(std::string_view bytes);     // an equation, and the ranges of a `for`
void feed(std::string_view bytes);         // JSON fed to a model
void csv(std::string_view bytes);          // the first byte says how cells are parted
void arrays(std::string_view bytes);       // .npy and IDX
void json_lines(std::string_view bytes);   //
void safetensors(std::string_view bytes);  // what is read is written to the same file
void checkpoint(std::string_view bytes);   // the state of a training in such a file
void resume(std::string_view bytes);       // a training goes on from such a file: from where it says, for a step
void graph(std::string_view bytes);        // decisions of the generator of random models: plan against reference

int trainings_that_go_on(std::string_view bytes);  // of the two that `resume` has

}  // namespace tapeloop::fuzz
