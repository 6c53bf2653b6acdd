// Kinds that are equations over other kinds: silu, softmax, layer_norm, the losses. The equation is written out in place, so
// everything after this sees plain kinds only.
#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "compiler/frontend/equation_parser.h"
#include "compiler/passes/expander.h"

namespace tapeloop::expanding {
namespace {

Value as_value(const AttributeValue& attribute) {
  return std::visit([](const auto& value) { return Value(value); }, attribute);
}

}  // namespace

Read Expander::lower_composite(Call& call, const NodeKind& kind, std::vector<Read> reads, const Along* along) {
  for (const Read& read : reads) {
    if (read.bad()) return {};
  }
  Frame frame;
  frame.source = source_in(call.scope, call.tree->source);
  for (std::size_t k = 0; k < reads.size(); ++k) frame.operands[std::string(kind.operands[k])] = std::move(reads[k]);
  if (!composite_options(call, kind, frame) || !composite_parameters(call, kind, frame)) return {};
  if (along) frame.options["along"] = *along;
  Scope inside{call.scope.in, {}, &frame, call.scope.owner};
  const std::size_t before = diagnostics_.errors();
  const Read result = lower(composite_equation(kind), inside, call.name);
  if (result.bad() && diagnostics_.errors() == before) {
    throw std::logic_error("the equation of kind '" + std::string(kind.name) + "' reads a name that it does not have");
  }
  const bool is_operand = call.name && !result.bad() && (result.node == kNone || graph_[result.node].name != *call.name);
  return is_operand ? make({"copy", {result}}, inside, frame.source, call.name) : result;
}

bool Expander::composite_options(Call& call, const NodeKind& kind, Frame& frame) {
  std::vector<std::string> names;
  for (const OptionSpec& spec : kind.options) {
    names.emplace_back(spec.name);
    auto& value = frame.options[names.back()];
    if (spec.otherwise) value = as_value(*spec.otherwise);
  }
  for (const auto& [key, tree] : call.options) {
    if (key == "weights" && !kind.parameters.empty()) continue;
    const auto at = std::find(names.begin(), names.end(), key);
    if (at == names.end()) {
      const std::string what = key == "along" ? "takes no along=" : "has no option '" + key + "'" + did_you_mean(key, names);
      diagnostics_.error(key == "along" ? "E0407" : "E0303", source_in(call.scope, tree->source), "'" + call.op + "' " + what,
                         "it is written " + std::string(kind.usage));
      return false;
    }
    const OptionSpec& spec = kind.options[static_cast<std::size_t>(at - names.begin())];
    if (!composite_option(spec, tree, call.scope, frame.options[key])) return false;
  }
  for (const OptionSpec& spec : kind.options) {
    if (frame.options.find(spec.name)->second || spec.type == OptionSpec::Type::kAxis) continue;
    diagnostics_.error("E0304", frame.source, "'" + call.op + "' needs " + std::string(spec.name) + "=",
                       "it is written " + std::string(kind.usage));
    return false;
  }
  return true;
}

bool Expander::composite_option(const OptionSpec& spec, const ExpressionPtr& tree, const Scope& scope, std::optional<Value>& found) {
  if (spec.type == OptionSpec::Type::kAxis) {
    Options one = {{"along", tree}};
    bool wrong = false;
    const auto place = along(one, scope, wrong);
    if (place) found = *place;
    return !wrong;
  }
  const auto value = attribute(spec, *tree, scope);
  if (value) found = as_value(*value);
  return value.has_value();
}

// NODE.KIND.name, or GROUP.name with weights=GROUP.
bool Expander::composite_parameters(Call& call, const NodeKind& kind, Frame& frame) {
  if (kind.parameters.empty()) return true;
  const std::string prefix = call.scope.in->prefix;
  std::string group;
  for (const auto& [key, tree] : call.options) {
    const auto name = key == "weights" ? word(*tree, call.scope) : std::nullopt;
    if (key == "weights" && !name) return false;
    if (name) group = prefix + *name;
  }
  if (group.empty()) group = free_name(prefix + call.scope.owner->local + "." + std::string(kind.name));
  for (const OwnParameter& parameter : kind.parameters) {
    Shape shape;
    for (const std::string_view text : parameter.shape) {
      const Value* value = nullptr;
      const auto option = frame.options.find(text);
      if (option != frame.options.end() && option->second) value = &*option->second;
      std::int64_t size = 0;
      const bool is_number = std::from_chars(text.data(), text.data() + text.size(), size).ec == std::errc();
      if (is_number) shape.emplace_back(size);
      if (!is_number && value && std::holds_alternative<double>(*value))
        shape.emplace_back(static_cast<std::int64_t>(std::get<double>(*value)));
      if (!is_number && !value) shape.push_back(graph_.sizes.fresh(""));
    }
    const std::string name = group + "." + std::string(parameter.name);
    declare_parameter(*call.scope.in, name, std::move(shape), {std::string(parameter.init), 0, false}, frame.source);
    frame.operands[std::string(parameter.name)] = read_symbol(name, frame.source);
  }
  return true;
}

const Expression& Expander::composite_equation(const NodeKind& kind) {
  const bool other = options_.mode != Mode::kTrain && !kind.outside_train.empty();
  const std::string_view text = other ? kind.outside_train : kind.equation;
  ExpressionPtr& equation = equations_[text];
  if (!equation) {
    Diagnostics wrong;
    equation = parse_equation(text, {}, wrong);
    if (!equation || wrong.has_errors()) throw std::logic_error("the equation of kind '" + std::string(kind.name) + "' cannot be read");
  }
  return *equation;
}

}  // namespace tapeloop::expanding
