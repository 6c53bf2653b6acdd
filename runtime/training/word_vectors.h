// Vectors of tokens that somebody has learned elsewhere, such as GloVe's or word2vec's, for the rows of an embedding.
//
//   text    a line for each token: the token, then its numbers, parted by blanks (GloVe). A first line of two whole numbers is a header
//           (word2vec). A token may have blanks in it: the numbers are counted from the end
//   .npy    [tokens, numbers]. Row k is that of the id k, or of line k of a file of tokens, one a line
// Any of them may be gzipped.
#pragma once

#include <string>
#include <vector>

#include "core/array.h"
#include "core/diagnostics.h"
#include "runtime/training/vocabulary.h"

namespace tapeloop {

struct WordVectors {
  Array<float> values;      // [rows, width]; zeros where there is none
  std::vector<bool> given;  // of each row
};

struct WordVectorFiles {
  std::string vectors, tokens;  // paths; tokens: empty without
  Source source;                // for messages
};

// The vectors of the vocabulary's tokens, by id: dims is [rows, width] of the parameter, rows the size of the vocabulary or more. Without
// `all` a token may lack one; the mark and the unknown token, and rows that no token has, may anyway ("<mark>", "<unknown>" are theirs).
// Reports E0819 for what does not fit, E0760 for a file that is none of these; throws FileError.
WordVectors read_word_vectors(const WordVectorFiles& files, const Vocabulary& vocabulary, const std::vector<std::int64_t>& dims, bool all,
                              Diagnostics& diagnostics);

}  // namespace tapeloop
