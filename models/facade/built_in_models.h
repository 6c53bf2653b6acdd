// The models that come with Tapeloop, as YAML text: cells may be used as ops by name, systems are whole models. And the data that
// they train on.
#pragma once

#include <string_view>
#include <vector>

#include "runtime/training/train_spec.h"

namespace tapeloop {

struct BuiltInModel {
  std::string_view name;    // "gru"
  std::string_view folder;  // "cells" or "systems"
  std::string_view yaml;
};

const std::vector<BuiltInModel>& built_in_models();
const std::vector<BuiltInData>& built_in_data();

}  // namespace tapeloop
