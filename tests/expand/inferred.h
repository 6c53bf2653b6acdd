// A model in YAML text, expanded and inferred, for tests to look at.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/passes/expand.h"

namespace tapeloop::testing {

struct Inferred {
  Graph graph;
  Diagnostics diagnostics;

  const Node& node(const std::string& name) const;   // by the user's name, or that of a part
  std::string space(const std::string& name) const;  // "[t, u]"; "P" of values of parameters alone
  std::string shape(const std::string& name) const;  // "[features, 4]"
  std::string text(const std::string& name) const;   // "z * h_tm1 + h#3"
  std::vector<std::string> parameters() const;       // names, in the order of their making
  std::vector<std::string> codes() const;            // of errors and warnings, in file order
};

struct Setting {
  std::vector<Override> overrides = {};
  Mode mode = Mode::kTrain;
  std::map<std::string, std::vector<std::int64_t>> fed_shapes = {};
  std::map<std::string, std::int64_t> fed_sizes = {};
  std::map<std::string, std::string> cells = {};  // inner containers: op -> YAML, without its first line
};

// `yaml` without its first line, `tapeloop: 1`. Goes on to inference even after errors of expansion.
Inferred infer(const std::string& yaml, const Setting& setting = {});

}  // namespace tapeloop::testing
