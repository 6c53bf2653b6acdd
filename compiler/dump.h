// Plans and graphs as text, JSON and DOT: every line with where it stands, why, its source, shape and cost.
#pragma once

#include <string>

#include "core/graph.h"
#include "core/plan.h"

namespace tapeloop {

struct DumpOptions {
  bool source = true;  // false: without source lines (YAML and C++ forms of a model give the same bytes)
  bool step = false;   // each scan's body as pseudo-code: the generated step function
};

std::string dump_text(const Plan& plan, const DumpOptions& options = {});
std::string dump_json(const Plan& plan, const DumpOptions& options = {});
std::string dump_dot(const Plan& plan);
std::string dump_graph(const Graph& graph, const DumpOptions& options = {});  // for --after PASS

}  // namespace tapeloop
