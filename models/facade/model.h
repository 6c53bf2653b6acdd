// A model as a user has it: a container, and what the command line said about its options.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/dump.h"
#include "compiler/pipeline.h"
#include "core/container.h"
#include "core/diagnostics.h"
#include "core/kind.h"

namespace tapeloop {

// "options.layers=5" sets an option of the model, "train.optimizer.lr=1e-3" a key of its train: section.
struct KeyValue {
  std::string key;
  std::string value;
};
// Throws ModelError for text that is no KEY=VALUE, or whose key does not begin with options. or train.
KeyValue parse_key_value(const std::string& text);

class Model {
 public:
  // A file, or a built-in model by name: load("gru", {"options.units=64"}).
  // Throws FileError if there is neither, ModelError with everything that is wrong in the text.
  static Model load(const std::string& path_or_name, const std::vector<std::string>& key_values = {});
  explicit Model(Container container, const std::vector<std::string>& key_values = {});

  const Container& container() const { return *container_; }
  const std::vector<Override>& option_values() const { return options_; }     // without "options."
  const std::vector<Override>& training_values() const { return training_; }  // without "train."

  // Fills in the loader and the option values, then compiles. Throws ModelError. `warnings`, if given, receives warnings.
  Compiled compile(CompileOptions options = {}, Diagnostics* warnings = nullptr, const PassObserver& observe = {}) const;
  // The same, with everything reported into `diagnostics` instead of thrown.
  Compiled compile_into(Diagnostics& diagnostics, CompileOptions options = {}, const PassObserver& observe = {}) const;
  // Names, axes and declared shapes only: what a feed needs to be understood.
  Graph expanded(Diagnostics& diagnostics, Mode mode = Mode::kTrain) const;

  // The plan as text, as `tapeloop plan` prints it.
  std::string plan_text(const CompileOptions& options = {}, const DumpOptions& dump = {}) const;

 private:
  std::shared_ptr<const Container> container_;
  std::vector<Override> options_, training_;
  ContainerLoader load_;
};

// The node kinds that come with Tapeloop. Made once; safe from any thread.
const Registry& built_in_kinds();

}  // namespace tapeloop
