// Parameters that begin with what another training has learned: train.start.
//
//   start: {from: runs/autoencoder, take: {"encoder.*": "e.*"}}      # HERE: THERE, both with one *, or both without
//   start: [{from: runs/a}, {from: vectors.safetensors, take: {e.table: embeddings}}]
//   start: {from: glove.txt, vectors: {table: words}, missing: init}     # a row of `table` for each token of the vocabulary `words`
//   start: {from: vectors.npy, tokens: tokens.txt, vectors: {table: words}}
//
// `from` is the folder of a run (its best.safetensors) or a safetensors file; without `take` every name is the same here and there.
// Whatever fits one side of a line and not the other is a mistake: nothing is left out in silence. What no start names begins as the
// model says.
//
// Vectors are matched by token; what may stand in their files: runtime/training/word_vectors.h. A token without one is a mistake, unless
// `missing: init` lets it begin as the model says.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/array.h"
#include "core/diagnostics.h"
#include "core/tree.h"
#include "runtime/training/parameters.h"
#include "runtime/training/train_spec.h"
#include "runtime/training/vocabulary.h"

namespace tapeloop {

// Numbers that a parameter begins with; `given`: of which rows, empty: of all.
struct StartArray : Array<float> {
  std::vector<bool> given;
};
using StartArrays = std::map<std::string, StartArray>;  // by parameter

// The section. Codes: those of tree_reader.h, E0808 for two stars, one side with a star alone, or keys that are not for each other.
std::vector<StartFrom> read_start(const Tree& tree, Diagnostics& diagnostics);

// Sets the paths: below the model's folders, else below the current one, where runs are. Reports E0901, E0806.
void find_start_files(std::vector<StartFrom>& start, const std::vector<std::string>& folders, Diagnostics& diagnostics);

// Reads the files: numbers by the names of parameters. Reports E0819 for names and shapes that do not fit, E0760; throws FileError for a
// file that is not what it should be.
StartArrays start_values(const std::vector<StartFrom>& start, const std::vector<ParameterSpec>& parameters,
                         const Vocabularies& vocabularies, Diagnostics& diagnostics);

void begin_with(const StartArrays& start, Parameters<float>& parameters);

}  // namespace tapeloop
