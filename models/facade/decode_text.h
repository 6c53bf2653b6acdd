// What a trained model says by itself, as text.
#pragma once

#include <string>
#include <vector>

#include "models/facade/train.h"

namespace tapeloop {

struct DecodedText {
  std::string read;  // the example: its tokens, as the data file has them
  std::string said;  // the decoded tokens, without marks; parted by blanks if those of the target are
};

// Of every example of a split. Throws ModelError (E0810) for a model without train.decoding, or one that reads anything but one input of
// tokens in decoding.
std::vector<DecodedText> decode_split(const Training& training, Trainer<float>& trainer, Split split);

// Of texts that are in no file, each cut into tokens as that input's cells are. Throws as decode_split does, and what reading data throws:
// E0817 for a token that the vocabulary lacks.
std::vector<DecodedText> decode_texts(const Training& training, Trainer<float>& trainer, const std::vector<std::string>& texts);

// That many texts of a model that reads nothing of an example in decoding, such as a variational autoencoder's from its prior; draws are
// by the seed of the trainer. Throws ModelError (E0810) for a model without train.decoding, or one that reads something.
std::vector<std::string> sample_texts(const Training& training, Trainer<float>& trainer, std::size_t count);

}  // namespace tapeloop
