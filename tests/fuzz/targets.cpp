#include "tests/fuzz/targets.h"

#include "core/diagnostics.h"
#include "runtime/training/atomic_file.h"

namespace tapeloop::fuzz {

const std::vector<Target>& targets() {
  static const std::vector<Target> kTargets = {
      {"model", &model},
      {"equation", &equation},
      {"feed", &feed},
      {"csv", &csv},
      {"arrays", &arrays},
      {"json_lines", &json_lines},
      {"safetensors", &safetensors},
      {"checkpoint", &checkpoint},
      {"resume", &resume},
      {"graph", &graph},
  };
  return kTargets;
}

void run(const Target& target, std::string_view bytes) {
  try {
    target.run(bytes);
  } catch (const ModelError&) {
    return;
  } catch (const FileError&) {
    return;
  }
}

}  // namespace tapeloop::fuzz
