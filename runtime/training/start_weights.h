// Parameters that begin with what another training has learned: train.start.
//
//   start: {from: runs/autoencoder, take: {"encoder.*": "e.*"}}      # HERE: THERE, both with one *, or both without
//   start: [{from: runs/a}, {from: vectors.safetensors, take: {e.table: embeddings}}]
//
// `from` is the folder of a run (its best.safetensors) or a safetensors file; without `take` every name is the same here and there.
// Whatever fits one side of a line and not the other is a mistake: nothing is left out in silence. What no start names begins as the
// model says.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/array.h"
#include "core/diagnostics.h"
#include "core/tree.h"
#include "runtime/training/parameters.h"
#include "runtime/training/train_spec.h"

namespace tapeloop {

// The section. Codes: those of tree_reader.h, E0808 for two stars, or one side with a star alone.
std::vector<StartFrom> read_start(const Tree& tree, Diagnostics& diagnostics);

// Sets the paths: below the model's folders, else below the current one, where runs are. Reports E0901, E0806.
void find_start_files(std::vector<StartFrom>& start, const std::vector<std::string>& folders, Diagnostics& diagnostics);

// Reads the files: numbers by the names of parameters. Reports E0819 for names and shapes that do not fit; throws FileError for a file
// that is not what it should be.
std::map<std::string, Array<float>> start_values(const std::vector<StartFrom>& start, const std::vector<ParameterSpec>& parameters,
                                                 Diagnostics& diagnostics);

}  // namespace tapeloop
