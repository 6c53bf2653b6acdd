// Texts and files that the tests of this folder share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/array.h"
#include "models/facade/model.h"

namespace tapeloop::testing {

std::string read_text(const std::string& path);  // fails the test if it cannot be read
Model model_of(const std::string& yaml, const std::vector<std::string>& key_values = {});
std::string source_path(const std::string& path);  // below the repository

// sin(pace k + 0.3) for entry k: numbers of both signs, none like another.
Array<double> waves(std::vector<std::int64_t> dims, double pace);

// "```yaml" blocks of a document, each with the line it begins on.
struct Block {
  int line = 0;
  std::string text;
};
std::vector<Block> yaml_blocks(const std::string& document);

}  // namespace tapeloop::testing
