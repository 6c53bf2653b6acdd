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

std::optional<Expander::LinearOptions> Expander::linear_options(Call& call, std::size_t operands) {
  static const std::vector<std::string> kKnown = {"units", "weights", "bias", "merge", "init"};
  Scope& scope = call.scope;
  for (const auto& [key, tree] : call.options) {
    if (std::find(kKnown.begin(), kKnown.end(), key) != kKnown.end()) continue;
    diagnostics_.error("E0303", source_in(scope, tree->source), "'linear' has no option '" + key + "'" + did_you_mean(key, kKnown),
                       "it is written linear(a, b, units=n, bias=true, merge=sum, init=glorot, weights=NAME)");
    return std::nullopt;
  }
  const ExpressionPtr* units = find_option(call.options, "units");
  if (!units || operands == 0) {
    diagnostics_.error(units ? "E0307" : "E0304", source_in(scope, call.tree->source),
                       units ? "linear needs an operand" : "linear needs units", units ? "write linear(x, units=128)" : "add units=128");
    return std::nullopt;
  }
  // One of a few words; `otherwise` if the option is not given.
  const auto choice = [&](std::string_view name, std::string otherwise, const std::vector<std::string>& words, std::string_view code,
                          const std::string& what) -> std::optional<std::string> {
    const ExpressionPtr* tree = find_option(call.options, name);
    const auto found = tree ? word(**tree, scope) : std::optional(std::move(otherwise));
    if (!found || !tree || std::find(words.begin(), words.end(), *found) != words.end()) return found;
    std::string all;
    for (const std::string& one : words) all += (all.empty() ? "" : ", ") + one;
    diagnostics_.error(code, source_in(scope, (*tree)->source), what + " '" + *found + "'" + did_you_mean(*found, words), "one of " + all);
    return std::nullopt;
  };
  const auto size = dim(**units, scope, NewSizes::kRefuse);
  const auto merge = choice("merge", "sum", {"sum", "concat", "mul", "mean", "max", "min"}, "E0315", "unknown merge");
  const auto init = choice("init", "", {"glorot", "orthogonal", "normal", "uniform", "zeros", "ones"}, "E0305", "unknown initialiser");
  const auto bias = choice("bias", "true", {"true", "false"}, "E0305", "bias= takes true or false, found");
  const ExpressionPtr* weights = find_option(call.options, "weights");
  const auto group = weights ? word(**weights, scope) : std::optional<std::string>("");
  if (!size || !merge || !init || !bias || !group) return std::nullopt;
  return LinearOptions{*size, *group, *merge, *init, *bias == "true"};
}

Read Expander::lower_linear(Call& call, const std::vector<Argument>& arguments) {
  Scope& scope = call.scope;
  const Source source = source_in(scope, call.tree->source);
  const auto options = linear_options(call, arguments.size());
  if (!options) return {};
  const std::string prefix = scope.in->prefix;
  const bool shared = !options->weights.empty();
  const std::string group = shared ? prefix + options->weights : free_name(prefix + scope.owner->local + ".linear");
  const std::string* product_name = arguments.size() == 1 && !options->bias ? call.name : nullptr;
  const bool split = options_.split_products || arguments.size() == 1 || options->merge != "sum";
  std::vector<Read> products, operands, weights;
  std::vector<std::string> labels;
  for (std::size_t k = 0; k < arguments.size(); ++k) {
    Scope inner = arguments[k].scope;
    const Read read = arguments[k].tree ? lower(*arguments[k].tree, inner) : Read{};
    labels.push_back(shared ? std::to_string(k + 1) : label_of(arguments[k], k + 1));
    if (std::find(labels.begin(), labels.end() - 1, labels.back()) != labels.end() - 1) {
      diagnostics_.error("E0312", source, "linear reads '" + labels.back() + "' twice",
                         "once is enough: the two weights would only add up");
      return {};
    }
    const std::string name = group + "." + labels.back();
    declare_parameter(*scope.in, name, {graph_.sizes.fresh(""), options->units}, {options->init, 0, false}, source);
    Read weight = read_symbol(name, source);
    if (split) {
      products.push_back(make({"matmul", {read, std::move(weight)}}, scope, source, product_name));
    } else {
      operands.push_back(read);
      weights.push_back(make({"transpose", {std::move(weight)}}, scope, source, nullptr));
    }
  }
  if (arguments.size() == 1 && !options->bias) return products[0];
  const std::string* total_name = options->bias ? nullptr : call.name;
  const Read total = split ? join(options->merge, std::move(products), call, total_name)
                           : joined_product(std::move(operands), std::move(weights), call, total_name);
  if (!options->bias) return total;
  const Dim outputs = options->merge == "concat" ? options->units * static_cast<std::int64_t>(arguments.size()) : options->units;
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
