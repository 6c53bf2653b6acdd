// What lets a training go on that was stopped: its checkpoint, with what it was made of, and what was asked for.
#pragma once

#include <string>
#include <vector>

#include "core/plan.h"
#include "core/tree.h"
#include "models/facade/model.h"
#include "runtime/training/safetensors.h"
#include "runtime/training/train_spec.h"

namespace tapeloop {

inline constexpr const char* kCheckpointFile = "checkpoint.safetensors";  // in the folder of each seed

// As the command line has it.
struct Asked {
  std::string model;                    // a built-in model, or a file, absolute
  std::vector<std::string> key_values;  // options.units=8 train.epochs=5
};
// Two lines of config.yaml, and what they say. Throws FileError E0903, E0909 if that is not there.
std::string asked_text(const Asked& asked);
Asked read_asked(const std::string& folder);

// What the bits of a training depend on, besides its seed.
struct Origin {
  std::string data;       // SHA-256 of the files
  std::string training;   // the train: section as text, without what may change from one part of a training to the next
  std::string model;      // SHA-256 of the plan
  std::string files;      // for messages, a line each: "sunspots.csv: SHA-256"
  std::string equations;  // likewise: "h: z * h_tm1 + (1 - z) * n", "options.units: 8"
};
// Reads the data files. Throws FileError.
Origin origin_of(const Model& model, const TrainSpec& spec, const Tree& section, const Plan& train);

// Into the metadata, with the version and the machine.
void stamp(TensorFile& checkpoint, const Origin& origin, std::uint64_t seed);
// Throws FileError E0909 if the checkpoint was made of something else; says what. Returns a sentence if it comes from another machine or
// version, where bits may differ; else "". `path` is for messages.
std::string check_origin(const TensorFile& checkpoint, const Origin& origin, std::uint64_t seed, const std::string& path);

// Throws FileError: what load_safetensors says, with what else there is to go on from.
TensorFile load_checkpoint(const std::string& path);
// "the one before it is there: mv CHECKPOINT.prev CHECKPOINT"; "" if it is not.
std::string checkpoint_before(const std::string& path);

}  // namespace tapeloop
