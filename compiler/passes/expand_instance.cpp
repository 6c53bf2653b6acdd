// A container used as an op: `d: lstm(x, units=64)`. d is its first output, d.c any value in it.
#include <algorithm>
#include <charconv>

#include "compiler/passes/expander.h"

namespace tapeloop::expanding {
namespace {

constexpr int kDeepest = 30;

// The options of `linear` and of kinds are their own; these two belong to every use of a container.
bool is_reserved(const std::string& option) { return option == "along" || option == "weights"; }

}  // namespace

const Expander::Loaded& Expander::find_container(const std::string& op, const Instance& in) {
  const auto key = std::pair(in.container, op);
  const auto at = loaded_.find(key);
  if (at != loaded_.end()) return at->second;
  const std::size_t before = diagnostics_.errors();
  Loaded loaded;
  if (options_.load) loaded.container = options_.load(op, *in.container, diagnostics_);
  loaded.reported = !loaded.container && diagnostics_.errors() > before;
  return loaded_.emplace(key, std::move(loaded)).first->second;
}

Read Expander::lower_instance(Call& call, const std::shared_ptr<const Container>& inner, const std::vector<Argument>& arguments) {
  Instance& user = *call.scope.in;
  if (contains_itself(call, *inner)) return {};
  instances_.emplace_back();
  Instance& in = instances_.back();
  in.container = inner.get();
  in.outer = &user;
  in.depth = user.depth + 1;
  in.source = source_in(call.scope, call.tree->source);
  bool wrong = false;
  const auto place = along(call.options, call.scope, wrong);
  if (place && place->shape) {
    diagnostics_.error("E0407", source_in(call.scope, call.tree->source), "'" + call.op + "' is a container: along= takes an axis");
    wrong = true;
  }
  std::string shared;
  for (const auto& [key, tree] : call.options) {
    const auto group = key == "weights" ? word(*tree, call.scope) : std::nullopt;
    if (group) shared = user.prefix + *group + ".";
    wrong = wrong || (key == "weights" && !group);
  }
  std::erase_if(call.options, [](const auto& option) { return is_reserved(option.first); });
  auto given = given_options(call, in);
  if (given) add_options(in, std::move(*given));
  if (!given || !bind_operands(call, in, arguments) || wrong) return {};
  in.prefix = (call.name ? *call.name : free_name(user.prefix + call.scope.owner->local + "." + call.op)) + ".";
  in.weights = shared;
  take(in.prefix.substr(0, in.prefix.size() - 1));
  if (place) in.axes.emplace_back("t", place->axis);
  expand_instance(in);
  if (in.container->outputs.empty()) {
    diagnostics_.error("E0314", source_in(call.scope, call.tree->source), "'" + call.op + "' has no outputs: it has no value as an op");
    return {};
  }
  const OutputDecl& output = in.container->outputs[0];
  const auto name = fill(output.name, {&in, {}, nullptr, nullptr}, output.source);
  if (!name) return {};
  return read_symbol(in.prefix + *name, output.source);
}

bool Expander::contains_itself(const Call& call, const Container& inner) {
  const Source source = source_in(call.scope, call.tree->source);
  const auto same = [&](const Container& other) {
    const bool same_file = other.source.file && inner.source.file && *other.source.file == *inner.source.file;
    return &other == &inner || (same_file && other.folder == inner.folder && other.name == inner.name);
  };
  for (const Instance* in = call.scope.in; in; in = in->outer) {
    if (!same(*in->container)) continue;
    diagnostics_.error("E0311", source, "'" + call.op + "' contains itself", "a container may not use itself, nor what uses it");
    return true;
  }
  if (call.scope.in->depth < kDeepest) return false;
  diagnostics_.error("E0311", source, "containers within containers, deeper than " + std::to_string(kDeepest));
  return true;
}

std::vector<std::string> Expander::input_names(Instance& in) {
  std::vector<std::string> names;
  unroll<InputDecl>(in.container->inputs, {&in, {}, nullptr, nullptr},
                    [&](const std::string& key, const Source&, const InputDecl&, const Scope&) { names.push_back(key); });
  return names;
}

// Operands go to the inputs in their order, or by name: gru(x, h0=start).
bool Expander::bind_operands(Call& call, Instance& in, const std::vector<Argument>& arguments) {
  const std::vector<std::string> inputs = input_names(in);
  std::vector<Read> reads = lower_arguments(arguments);
  std::map<std::string, Read> operands;
  for (std::size_t k = 0; k < reads.size() && k < inputs.size(); ++k) operands[inputs[k]] = reads[k];
  std::size_t found = reads.size();
  std::string wrong;                              // the inputs that are given twice or left out
  for (const auto& [key, tree] : call.options) {  // those that are no options
    if (std::find(inputs.begin(), inputs.end(), key) == inputs.end()) {
      diagnostics_.error("E0303", source_in(call.scope, tree->source),
                         "'" + call.op + "' has no option or input '" + key + "'" + did_you_mean(key, known_options(in)));
      return false;
    }
    ++found;
    if (operands.contains(key)) wrong += ", '" + key + "' twice";
    operands[key] = lower(*tree, call.scope);
  }
  std::string all;
  for (const std::string& input : inputs) {
    all += (all.empty() ? "" : ", ") + input;
    if (!operands.contains(input)) wrong += ", no '" + input + "'";
  }
  if (found != inputs.size() || operands.size() != inputs.size()) {
    diagnostics_.error("E0307", source_in(call.scope, call.tree->source),
                       "'" + call.op + "' takes " + (all.empty() ? "no operands" : all) + "; found " + std::to_string(found) +
                           (found == 1 ? " operand" : " operands") + wrong);
    return false;
  }
  for (const std::string& input : inputs) {
    if (operands[input].bad()) return false;
    in.bindings.emplace_back(input, operands[input]);
  }
  return true;
}

// Takes the options of an inner container out of the call, evaluated where it is used. What remains may name inputs.
std::optional<std::map<std::string, GivenOption>> Expander::given_options(Call& call, Instance& in) {
  std::vector<std::string> names;
  unroll<OptionDecl>(in.container->options, {&in, {}, nullptr, nullptr},
                     [&](const std::string& key, const Source&, const OptionDecl&, const Scope&) { names.push_back(key); });
  std::map<std::string, GivenOption> given;
  bool wrong = false;
  std::erase_if(call.options, [&](const auto& option) {
    if (std::find(names.begin(), names.end(), option.first) == names.end()) return false;
    const auto value = value_of(*option.second, call.scope);
    if (value) given[option.first] = {*value, source_in(call.scope, option.second->source)};
    wrong = wrong || !value;
    return true;
  });
  return wrong ? std::nullopt : std::optional(std::move(given));
}

std::vector<std::string> Expander::known_options(Instance& in) {
  std::vector<std::string> names = input_names(in);
  for (const auto& [key, value] : in.settings) names.push_back(key);
  return names;
}

// Options of the outermost container from outside: "5", "relu", "[1, 2]".
std::map<std::string, GivenOption> Expander::overrides(const Container& container) {
  std::map<std::string, GivenOption> given;
  const auto as_number = [&](std::string_view text) -> std::optional<double> {
    double value = 0;
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value) : std::nullopt;
  };
  for (const auto& [key, text] : options_.overrides) {
    Source source{container.source.file, 0, 0};
    if (const auto value = as_number(text)) {
      given[key] = {*value, source};
    } else if (is_identifier(text, true)) {
      given[key] = {text, source};
    } else if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
      std::vector<double> numbers;
      for (const KeyName& item : split_key(std::string_view(text).substr(1, text.size() - 2))) {
        const auto number = as_number(item.name);
        if (number) numbers.push_back(*number);
        if (!number && text != "[]") diagnostics_.error("E0305", source, "option '" + key + "': '" + item.name + "' is not a number");
      }
      given[key] = {numbers, source};
    } else {
      diagnostics_.error("E0305", source, "option '" + key + "': expected a number, a word or a list of numbers, found '" + text + "'");
    }
  }
  return given;
}

}  // namespace tapeloop::expanding
