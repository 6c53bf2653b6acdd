// The models that come with Tapeloop, as YAML text: cells may be used as ops by name, systems are whole models.
#pragma once

#include <string_view>
#include <vector>

namespace tapeloop {

struct BuiltInModel {
  std::string_view name;    // "gru"
  std::string_view folder;  // "cells" or "systems"
  std::string_view yaml;
};

const std::vector<BuiltInModel>& built_in_models();

}  // namespace tapeloop
