// linear(a, b, units=n) = a W_a + b W_b + bias: one product for each operand, so that each may leave a loop by itself.
// Its weights are NODE.linear.OPERAND (the position for an expression) and NODE.linear.bias, or GROUP.1, GROUP.2, GROUP.bias.
#include <algorithm>
#include <cstdlib>

#include "compiler/passes/expander.h"

namespace tapeloop::expanding {
namespace {

const ExpressionPtr* find_option(const Options& options, std::string_view name) {
  for (const auto& [key, tree] : options) {
    if (key == name) return &tree;
  }
  return nullptr;
}

}  // namespace

Read Expander::lower_linear(Call& call, const std::vector<Argument>& arguments) {
  Scope& scope = call.scope;
  const Source source = source_in(scope, call.tree->source);
  const std::vector<std::string> known = {"units", "weights", "bias", "merge", "init"};
  for (const auto& [key, tree] : call.options) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    diagnostics_.error("E0303", source_in(scope, tree->source), "'linear' has no option '" + key + "'" + did_you_mean(key, known),
                       "it is written linear(a, b, units=n, bias=true, merge=sum, init=glorot, weights=NAME)");
    return {};
  }
  const ExpressionPtr* units_tree = find_option(call.options, "units");
  if (!units_tree || arguments.empty()) {
    diagnostics_.error(units_tree ? "E0307" : "E0304", source, units_tree ? "linear needs an operand" : "linear needs units",
                       units_tree ? "write linear(x, units=128)" : "add units=128");
    return {};
  }
  const ExpressionPtr* group_tree = find_option(call.options, "weights");
  const ExpressionPtr* merge_tree = find_option(call.options, "merge");
  const ExpressionPtr* bias_tree = find_option(call.options, "bias");
  const auto units = dim(**units_tree, scope, NewSizes::kRefuse);
  const auto group_word = group_tree ? word(**group_tree, scope) : std::optional<std::string>("");
  const auto merge = merge_tree ? word(**merge_tree, scope) : std::optional<std::string>("sum");
  const auto bias = bias_tree ? word(**bias_tree, scope) : std::optional<std::string>("true");
  const ExpressionPtr* init_tree = find_option(call.options, "init");
  const auto init = init_tree ? word(**init_tree, scope) : std::optional<std::string>("");
  if (!units || !group_word || !merge || !bias || !init) return {};
  const std::vector<std::string> inits = {"", "glorot", "orthogonal", "normal", "uniform", "zeros", "ones"};
  if (std::find(inits.begin(), inits.end(), *init) == inits.end()) {
    diagnostics_.error("E0305", source_in(scope, (*init_tree)->source), "unknown initialiser '" + *init + "'" + did_you_mean(*init, inits),
                       "glorot, orthogonal, normal, uniform, zeros or ones");
    return {};
  }
  const std::vector<std::string> merges = {"sum", "concat", "mul", "mean", "max", "min"};
  if (std::find(merges.begin(), merges.end(), *merge) == merges.end()) {
    diagnostics_.error("E0315", source_in(scope, (*merge_tree)->source), "unknown merge '" + *merge + "'" + did_you_mean(*merge, merges),
                       "sum, concat, mul, mean, max or min");
    return {};
  }
  if (*bias != "true" && *bias != "false") {
    diagnostics_.error("E0305", source_in(scope, (*bias_tree)->source), "bias= takes true or false, found '" + *bias + "'");
    return {};
  }
  const std::string prefix = scope.in->prefix;
  const std::string group = group_tree ? prefix + *group_word : free_name(prefix + scope.owner->local + ".linear");
  const bool has_bias = *bias == "true";
  const bool named_product = arguments.size() == 1 && !has_bias;
  const bool split = options_.split_products || arguments.size() == 1 || *merge != "sum";
  std::vector<Read> products, operands, weights;
  std::vector<std::string> labels;
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    Scope inner = arguments[k].scope;
    const Read read = arguments[k].tree ? lower(*arguments[k].tree, inner) : Read{};
    const std::string label = group_tree ? std::to_string(k + 1) : label_of(arguments[k], k + 1);
    if (std::find(labels.begin(), labels.end(), label) != labels.end()) {
      diagnostics_.error("E0312", source, "linear reads '" + label + "' twice", "once is enough: the two weights would only add up");
      return {};
    }
    labels.push_back(label);
    declare_parameter(*scope.in, group + "." + label, {graph_.sizes.fresh(""), *units}, {*init, 0, false}, source);
    Read weight = read_symbol(group + "." + label, source);
    if (split) {
      products.push_back(make({"matmul", {read, std::move(weight)}}, scope, source, named_product ? call.name : nullptr));
    } else {
      operands.push_back(read);
      weights.push_back(make({"transpose", {std::move(weight)}}, scope, source, nullptr));
    }
  }
  if (named_product) return products[0];
  const Read total = split ? join(*merge, std::move(products), call, has_bias ? nullptr : call.name)
                           : joined_product(std::move(operands), std::move(weights), call, has_bias ? nullptr : call.name);
  if (!has_bias) return total;
  const Dim outputs = *merge == "concat" ? *units * static_cast<std::int64_t>(arguments.size()) : *units;
  declare_parameter(*scope.in, group + ".bias", {outputs}, {}, source);
  return make({"add", {total, read_symbol(group + ".bias", source)}}, scope, source, call.name);
}

// [a, b ..] @ [W_a; W_b ..]: the weights stand on their sides, since concat joins last dimensions.
Read Expander::joined_product(std::vector<Read> operands, std::vector<Read> weights, Call& call, const std::string* name) {
  const Source source = source_in(call.scope, call.tree->source);
  const Read all = make({"concat", std::move(operands)}, call.scope, source, nullptr);
  const Read stacked = make({"concat", std::move(weights)}, call.scope, source, nullptr);
  const Read weight = make({"transpose", {stacked}}, call.scope, source, nullptr);
  return make({"matmul", {all, weight}}, call.scope, source, name);
}

// x, h_tm1, b_um1, the position of an expression.
std::string Expander::label_of(const Argument& argument, std::size_t position) {
  if (!argument.tree || argument.tree->kind != Expression::Kind::kName) return std::to_string(position);
  const auto text = fill(argument.tree->text, argument.scope, argument.tree->source);
  if (!text) return std::to_string(position);
  const auto suffix = split_tap(*text);
  std::vector<std::pair<std::string, std::int64_t>> taps;
  if (suffix) taps.emplace_back("t", suffix->offset);
  for (const TapText& tap : argument.tree->taps) {
    const auto axis = fill(tap.axis, argument.scope, tap.source);
    const auto offset = tap.sign != 0 && tap.offset ? try_number(*tap.offset, argument.scope) : std::optional(0.0);
    if (!axis || !offset) continue;
    std::erase_if(taps, [&](const auto& other) { return other.first == *axis; });
    taps.emplace_back(*axis, tap.sign * static_cast<std::int64_t>(*offset));
  }
  std::string label = suffix ? suffix->name : *text;
  for (const auto& [axis, offset] : taps) label += "_" + axis + (offset < 0 ? "m" : "p") + std::to_string(std::abs(offset));
  return label;
}

}  // namespace tapeloop::expanding
