// tapeloop ops [NAME]: the ops that an equation may use, or all there is to say about one of them.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <variant>

#include "core/diagnostics.h"
#include "core/kind.h"
#include "models/facade/built_in_models.h"
#include "models/facade/json_text.h"
#include "models/facade/library.h"
#include "nodes/registry.h"
#include "tools/commands.h"
#include "tools/report.h"

namespace tapeloop::tool {
namespace {

struct OpOption {
  std::string name, otherwise, what;  // otherwise: "" if it must be given
};

// An op as its user sees it, be it a kind of node or a cell.
struct Op {
  std::string name, usage, doc;
  bool differentiable = true;
  std::vector<OpOption> options;
};

std::string value_text(const AttributeValue& value) {
  return std::visit(
      [](const auto& it) -> std::string {
        using V = std::decay_t<decltype(it)>;
        if constexpr (std::is_same_v<V, std::vector<double>>) {
          return fmt::format("[{}]", fmt::join(it, ", "));
        } else {
          return fmt::format("{}", it);
        }
      },
      value);
}

std::string words_of(const OptionSpec& spec) {
  if (spec.words.empty()) return std::string(spec.doc);
  const std::string words = fmt::format("{}", fmt::join(spec.words, ", "));
  return spec.doc.empty() ? words : fmt::format("{}: {}", spec.doc, words);
}

Op op_of(const NodeKind& kind) {
  Op op{std::string(kind.name), std::string(kind.usage), std::string(kind.doc), kind.differentiable, {}};
  for (const OptionSpec& spec : kind.options) {
    op.options.push_back({std::string(spec.name), spec.otherwise ? value_text(*spec.otherwise) : "", words_of(spec)});
  }
  return op;
}

Op op_of(const BuiltInModel& cell) {
  Diagnostics diagnostics;
  const auto container = open_container(std::string(cell.name), diagnostics);
  raise_errors(diagnostics);
  Op op{std::string(cell.name), "", container->doc, true, {}};
  std::vector<std::string> arguments;
  for (const auto& input : container->inputs) arguments.push_back(input.key);
  for (const auto& option : container->options) {
    std::vector<std::string> values;
    for (const ExpressionPtr& value : option.value.values) values.push_back(to_text(*value));
    const std::string text = option.value.is_list ? fmt::format("[{}]", fmt::join(values, ", ")) : values.front();
    arguments.push_back(option.key + "=" + text);
    op.options.push_back({option.key, text, ""});
  }
  op.usage = fmt::format("{}({})", cell.name, fmt::join(arguments, ", "));
  return op;
}

std::vector<Op> kinds() {
  std::vector<Op> ops;
  const Registry registry = make_registry();
  for (const NodeKind* kind : registry.all()) {
    if (!kind->usage.empty()) ops.push_back(op_of(*kind));
  }
  return ops;
}

std::vector<Op> cells() {
  std::vector<Op> ops;
  for (const BuiltInModel& model : built_in_models()) {
    if (model.folder == "cells") ops.push_back(op_of(model));
  }
  return ops;
}

std::string as_json(const Op& op) {
  std::vector<std::string> options;
  for (const OpOption& option : op.options) {
    options.push_back(fmt::format("{{\"name\": {}, \"default\": {}, \"doc\": {}}}", json_quoted(option.name),
                                  option.otherwise.empty() ? "null" : json_quoted(option.otherwise), json_quoted(option.what)));
  }
  return fmt::format("{{\"name\": {}, \"usage\": {}, \"doc\": {}, \"differentiable\": {}, \"options\": [{}]}}", json_quoted(op.name),
                     json_quoted(op.usage), json_quoted(op.doc), op.differentiable, fmt::join(options, ", "));
}

// "et al. 2014" ends none.
std::string first_sentence(const std::string& text) {
  for (std::size_t at = text.find(". "); at != std::string::npos; at = text.find(". ", at + 1)) {
    if (std::isupper(static_cast<unsigned char>(text[at + 2])) != 0) return text.substr(0, at + 1);
  }
  return text;
}

std::string lines_of(const std::vector<Op>& ops) {
  std::string text;
  for (const Op& op : ops) {
    const std::string first = first_sentence(op.doc);
    text += fmt::format("  {:<34}{} {}\n", op.usage, op.usage.size() < 34 ? "" : "\n" + std::string(36, ' '), first);
  }
  return text;
}

std::string page_of(const Op& op) {
  std::string text = fmt::format("{}\n  {}\n", op.usage, op.doc);
  if (!op.differentiable) text += "  no gradient passes through it\n";
  for (const OpOption& option : op.options) {
    text += fmt::format("  {} ({}){}{}\n", option.name, option.otherwise.empty() ? "must be given" : "default " + option.otherwise,
                        option.what.empty() ? "" : ": ", option.what);
  }
  return text;
}

}  // namespace

int ops_command(const OpsRequest& request) {
  std::vector<Op> ops = kinds();
  const std::vector<Op> of_cells = cells();
  if (request.name.empty() && !request.json) {
    print_result(
        fmt::format("ops of an equation\n{}\ncells, used in the same way (`tapeloop summary NAME` shows what is inside)\n{}\n"
                    "`tapeloop ops NAME` says more of one.",
                    lines_of(ops), lines_of(of_cells)));
    return kDone;
  }
  ops.insert(ops.end(), of_cells.begin(), of_cells.end());
  if (request.name.empty()) {
    std::vector<std::string> all;
    std::transform(ops.begin(), ops.end(), std::back_inserter(all), [](const Op& op) { return as_json(op); });
    print_result(fmt::format("[{}]", fmt::join(all, ", ")));
    return kDone;
  }
  const Registry registry = make_registry();
  const NodeKind* operation = registry.find(request.name);  // "+" is add
  const std::string name = operation ? std::string(operation->name) : request.name;
  std::vector<std::string> names;
  for (const Op& op : ops) {
    if (op.name == name) {
      print_result(request.json ? as_json(op) : page_of(op));
      return kDone;
    }
    names.push_back(op.name);
  }
  print_note(
      fmt::format("there is no op '{}'{}\n  help: `tapeloop ops` lists all of them", request.name, did_you_mean(request.name, names)));
  return kUsage;
}

}  // namespace tapeloop::tool
