// tapeloop plan MODEL: what the compiler made of the equations, and why.
#include <fmt/format.h>

#include <algorithm>

#include "models/facade/model.h"
#include "tools/commands.h"
#include "tools/report.h"

namespace tapeloop::tool {
namespace {

// The names of the passes: all, or those that can be left out.
std::vector<std::string> pass_names(bool optimisations) {
  std::vector<std::string> names;
  for (const PassInfo& pass : passes()) {
    if (!optimisations || pass.optimisation) names.emplace_back(pass.name);
  }
  return names;
}

bool is_one_of(const std::string& option, const std::string& name, const std::vector<std::string>& names) {
  if (std::find(names.begin(), names.end(), name) != names.end()) return true;
  std::string list;
  for (const std::string& known : names) list += (list.empty() ? "" : ", ") + known;
  print_note(fmt::format("{}: unknown pass '{}'{}\n  help: {}", option, name, did_you_mean(name, names), list));
  return false;
}

}  // namespace

bool are_optimisations(const std::vector<std::string>& names) {
  return std::all_of(names.begin(), names.end(), [](const std::string& name) { return is_one_of("--without", name, pass_names(true)); });
}

int plan_command(const PlanRequest& request, const DiagnosticsStyle& style) {
  if (!are_optimisations(request.without)) return kUsage;
  if (!request.after.empty() && !is_one_of("--after", request.after, pass_names(false))) return kUsage;

  CompileOptions options;
  options.mode = mode_of(request.mode);
  options.without = request.without;
  options.recompute = request.recompute;
  DumpOptions dump;
  dump.source = !request.no_source;
  dump.step = request.step;
  Diagnostics warnings;
  std::string after;
  const auto observe = [&](std::string_view pass, const Graph& graph) {
    if (pass == request.after) after = dump_graph(graph, dump);
  };
  const Compiled compiled = Model::load(request.model, request.key_values).compile(options, &warnings, observe);
  print_diagnostics(warnings.sorted(), style);
  if (!request.after.empty()) {
    if (after.empty()) print_note(fmt::format("'{}' leaves no graph: what it decides stands in the plan", request.after));
    if (after.empty()) return kUsage;
    print_result(after);
  } else if (request.json || request.format == "json") {
    print_result(dump_json(compiled.plan, dump));
  } else {
    print_result(request.format == "dot" ? dump_dot(compiled.plan) : dump_text(compiled.plan, dump));
  }
  return kDone;
}

}  // namespace tapeloop::tool
