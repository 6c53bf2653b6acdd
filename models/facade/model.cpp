#include "models/facade/model.h"

#include <fmt/format.h>

#include <utility>

#include "compiler/passes/expand.h"
#include "models/facade/library.h"
#include "nodes/registry.h"

namespace tapeloop {
namespace {

[[noreturn]] void refuse_argument(const std::string& text, const std::string& message) {
  Diagnostics diagnostics;
  const Source place{std::make_shared<const std::string>(text), 0, 0};
  diagnostics.error("E0920", place, message, "write options.units=64 or train.optimizer.lr=1e-3");
  raise_errors(diagnostics);
  std::abort();  // not reached
}

}  // namespace

KeyValue parse_key_value(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) refuse_argument(text, fmt::format("expected KEY=VALUE, found '{}'", text));
  KeyValue result{text.substr(0, equals), text.substr(equals + 1)};
  if (!result.key.starts_with("options.") && !result.key.starts_with("train.")) {
    refuse_argument(text, fmt::format("the key '{}' begins neither with options. nor with train.", result.key));
  }
  return result;
}

Model Model::load(const std::string& path_or_name, const std::vector<std::string>& key_values) {
  Diagnostics diagnostics;
  const std::shared_ptr<const Container> container = open_container(path_or_name, diagnostics);
  // A text with mistakes may still hold a container: its other mistakes are then found too, all in one run.
  if (container && diagnostics.has_errors()) Model(*container, key_values).compile_into(diagnostics);
  raise_errors(diagnostics);
  return Model(*container, key_values);
}

Model::Model(Container container, const std::vector<std::string>& key_values)
    : container_(std::make_shared<const Container>(std::move(container))), load_(make_loader()) {
  for (const std::string& text : key_values) {
    const KeyValue pair = parse_key_value(text);
    const std::size_t dot = pair.key.find('.');
    (pair.key.starts_with("options.") ? options_ : training_).push_back({pair.key.substr(dot + 1), pair.value});
  }
}

Compiled Model::compile_into(Diagnostics& diagnostics, CompileOptions options, const PassObserver& observe) const {
  options.load = load_;
  options.overrides = options_;
  return tapeloop::compile(*container_, options, built_in_kinds(), diagnostics, observe);
}

Compiled Model::compile(CompileOptions options, Diagnostics* warnings, const PassObserver& observe) const {
  Diagnostics diagnostics;
  Compiled compiled = compile_into(diagnostics, std::move(options), observe);
  raise_errors(diagnostics);
  if (warnings) *warnings = std::move(diagnostics);
  return compiled;
}

Graph Model::expanded(Diagnostics& diagnostics, Mode mode) const {
  ExpandOptions options;
  options.overrides = options_;
  options.mode = mode;
  options.load = load_;
  return expand(*container_, options, built_in_kinds(), diagnostics);
}

std::string Model::plan_text(const CompileOptions& options, const DumpOptions& dump) const {
  return dump_text(compile(options).plan, dump);
}

const Registry& built_in_kinds() {
  static const Registry kRegistry = make_registry();
  return kRegistry;
}

}  // namespace tapeloop
