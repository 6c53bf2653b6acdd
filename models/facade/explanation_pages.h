// The texts that explanations are made of, compiled in by CMake: models/explanations/*.md and tests/bad_models/*.yaml.
#pragma once

#include <string_view>
#include <vector>

namespace tapeloop {

struct BadModelText {
  std::string_view name;  // "misspelt_name"
  std::string_view yaml;  // its first line says what the tests expect
};

const std::vector<std::string_view>& explanation_pages();
const std::vector<BadModelText>& bad_model_texts();

}  // namespace tapeloop
