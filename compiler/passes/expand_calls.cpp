// Calls of kinds: their options, and the sugar that becomes several plain nodes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compiler/passes/expander.h"

namespace tapeloop::expanding {
namespace {

// Joining operands element by element, and the kind that joins two.
const std::map<std::string_view, std::string_view> kJoins = {{"sum", "add"},     {"mean", "add"},    {"mul", "multiply"},
                                                             {"max", "maximum"}, {"min", "minimum"}, {"concat", "concat"}};

bool is_join(const std::string& op) { return kJoins.contains(op) && op != "concat"; }

const OptionSpec* find_option(const NodeKind& kind, std::string_view name) {
  for (const OptionSpec& option : kind.options) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

bool is_given(const Call& call, std::string_view name) {
  return std::any_of(call.options.begin(), call.options.end(), [&](const auto& option) { return option.first == name; });
}

}  // namespace

bool Expander::may_be_called(const NodeKind& kind) const { return !kind.usage.empty(); }

std::vector<std::string> Expander::callable_names(const Instance& in) const {
  std::vector<std::string> names = {"linear", "index", "length"};
  for (const NodeKind* kind : registry_.all()) {
    if (may_be_called(*kind)) names.emplace_back(kind->name);
  }
  for (const auto& [op, file] : in.use) names.push_back(op);
  return names;
}

Read Expander::apply(Call& call, std::vector<Read> reads) {
  const auto merge = std::find_if(call.options.begin(), call.options.end(), [](const auto& option) { return option.first == "merge"; });
  if (merge != call.options.end()) {  // joins the operands before the op
    const auto joined = word(*merge->second, call.scope);
    if (!joined) return {};
    if (!kJoins.contains(*joined)) {
      diagnostics_.error("E0315", source_in(call.scope, merge->second->source), "unknown merge '" + *joined + "'",
                         "sum, concat, mul, mean, max or min");
      return {};
    }
    call.options.erase(merge);
    reads = {join(*joined, std::move(reads), call, nullptr)};
  }
  const std::string& op = call.op;
  if (op == "last" || op == "first") return end_of_run(call, std::move(reads));
  if (op == "where") return where(call, std::move(reads));
  if (op == "teacher") return teacher(call, std::move(reads));
  const NodeKind& kind = registry_.at(op);
  if (const Resample make = resampling(op)) return resample(call, kind, std::move(reads), make);
  const std::string along_op = op + "_along";
  if (const Resample make = is_given(call, "along") ? resampling(along_op) : nullptr) {
    return resample(call, registry_.at(along_op), std::move(reads), make);
  }
  if (!find_option(kind, "along") && is_given(call, "along")) {
    bool wrong = false;
    const auto place = along(call.options, call.scope, wrong);
    if (wrong) return {};
    if (place) return reduce(call, std::move(reads), *place);
  }
  if (is_join(op)) {
    if (!no_options(call)) return {};
    if (reads.empty()) {
      diagnostics_.error("E0307", source_in(call.scope, call.tree->source), op + " needs an operand");
      return {};
    }
    return join(op, std::move(reads), call, call.name);
  }
  return apply_kind(call, kind, std::move(reads));
}

Read Expander::apply_kind(Call& call, const NodeKind& kind, std::vector<Read> reads) {
  if (!right_count(call, kind, reads.size())) return {};
  if (kind.role == Role::kComposite) return lower_composite(call, kind, std::move(reads));
  auto found = attributes(call, kind);
  if (!found) return {};
  return make({kind.name, std::move(reads), std::move(*found)}, call.scope, call.tree->source, call.name);
}

bool Expander::right_count(const Call& call, const NodeKind& kind, std::size_t found) {
  const std::size_t most = kind.operands.size();
  const std::size_t least = most - static_cast<std::size_t>(kind.optional_operands);
  if (found >= least && (found <= most || kind.variadic)) return true;
  const std::string count = least == most ? std::to_string(most) : std::to_string(least) + " to " + std::to_string(most);
  diagnostics_.error("E0307", source_in(call.scope, call.tree->source),
                     "'" + call.op + "' takes " + count + (most == 1 ? " operand" : " operands") + (kind.variadic ? " or more" : "") +
                         ", found " + std::to_string(found),
                     kind.usage.empty() ? "" : "it is written " + std::string(kind.usage));
  return false;
}

// One operand after the other: sum(a, b, c) is (a + b) + c.
Read Expander::join(const std::string& op, std::vector<Read> reads, const Call& call, const std::string* name) {
  const Source& source = call.tree->source;
  if (op == "concat") return make({"concat", std::move(reads)}, call.scope, source, name);
  if (reads.size() == 1) return name ? make({"copy", std::move(reads)}, call.scope, source, name) : reads[0];
  const std::string_view kind = kJoins.at(op);
  const bool mean = op == "mean";
  const double count = static_cast<double>(reads.size());
  Read joined = reads[0];
  for (std::size_t k = 1; k < reads.size(); ++k) {
    const bool last = k + 1 == reads.size() && !mean;
    joined = make({kind, {joined, reads[k]}}, call.scope, source, last ? name : nullptr);
  }
  if (!mean) return joined;
  return make({"divide", {joined, constant(count, call.scope, source)}}, call.scope, source, name);
}

// NAME(x, along=u) is the kind NAME_along, NAME(x, along=shape) the kind NAME_shape; sums and means along an axis are sum_to.
Read Expander::reduce(Call& call, std::vector<Read> reads, const Along& along) {
  const Source source = source_in(call.scope, call.tree->source);
  const bool sums = !along.shape && (call.op == "sum" || call.op == "mean");
  const NodeKind* kind = sums ? &registry_.at("sum_to") : registry_.find(call.op + (along.shape ? "_shape" : "_along"));
  if (!kind) {
    diagnostics_.error("E0407", source, "'" + call.op + "' takes no along=");
    return {};
  }
  if (!right_count(call, *kind, reads.size())) return {};
  if (along.shape) return apply_kind(call, *kind, std::move(reads));
  if (kind->role == Role::kComposite) return lower_composite(call, *kind, std::move(reads), &along);
  if (!no_options(call)) return {};
  Made made{kind->name, std::move(reads)};
  made.axis = along.axis;
  if (call.op != "mean") return make(std::move(made), call.scope, call.tree->source, call.name);
  const Read sum = make(std::move(made), call.scope, call.tree->source);  // of an empty run it is 0: the length counts as 1
  Made length{"length", {}};
  length.axis = along.axis;
  const Read count = make(std::move(length), call.scope, call.tree->source);
  const Read divisor = make({"maximum", {count, constant(1, call.scope, call.tree->source)}}, call.scope, call.tree->source);
  return make({"divide", {sum, divisor}}, call.scope, call.tree->source, call.name);
}

// Operands may be given by name, after those that are not: clip(x, high=1, low=0).
bool Expander::place_named(Call& call, const NodeKind& kind, std::vector<Argument>& arguments) {
  std::vector<Argument> named(kind.operands.size());
  std::string twice;
  std::erase_if(call.options, [&](const auto& option) {
    const auto at = std::find(kind.operands.begin(), kind.operands.end(), option.first);
    if (at == kind.operands.end() || find_option(kind, option.first)) return false;
    const auto k = static_cast<std::size_t>(at - kind.operands.begin());
    if (k < arguments.size() || named[k].tree) twice = option.first;
    named[k] = {option.second, call.scope};
    return true;
  });
  std::vector<std::string> not_given;
  for (std::size_t k = arguments.size(); k < named.size(); ++k) {
    if (!named[k].tree) not_given.emplace_back(kind.operands[k]);
  }
  for (const auto& [key, tree] : call.options) {  // a misspelt operand is no option, and the operand is not missing
    const std::string meant = did_you_mean(key, not_given);
    if (find_option(kind, key) || key == "along" || key == "merge" || meant.empty()) continue;
    diagnostics_.error("E0303", source_in(call.scope, tree->source), "'" + call.op + "' has no operand '" + key + "'" + meant,
                       kind.usage.empty() ? "" : "it is written " + std::string(kind.usage));
    return false;
  }
  const std::size_t given = arguments.size();
  for (std::size_t k = given; k < named.size() && named[k].tree; ++k) arguments.push_back(named[k]);
  const auto missing = [&] { return arguments.size() < named.size() ? std::string(kind.operands[arguments.size()]) : std::string(); };
  const bool gap = std::any_of(named.begin() + static_cast<std::ptrdiff_t>(std::min(arguments.size(), named.size())), named.end(),
                               [](const Argument& argument) { return argument.tree != nullptr; });
  if (twice.empty() && !gap) return true;
  diagnostics_.error("E0307", source_in(call.scope, call.tree->source),
                     twice.empty() ? "'" + call.op + "' lacks '" + missing() + "'" : "'" + call.op + "' has '" + twice + "' twice",
                     kind.usage.empty() ? "" : "it is written " + std::string(kind.usage));
  return false;
}

// Operands beyond those of the kind are its options in their order: split(x, 3, 1) is split(x, n=3, k=1).
void Expander::place_options(Call& call, const NodeKind& kind, std::vector<Argument>& arguments) {
  if (kind.variadic || is_given(call, "merge")) return;
  std::size_t next = 0;
  while (arguments.size() > kind.operands.size() && next < kind.options.size()) {
    const std::string name(kind.options[next++].name);
    if (is_given(call, name)) continue;
    const auto at = arguments.begin() + static_cast<std::ptrdiff_t>(kind.operands.size());
    if (at->tree) call.options.emplace_back(name, at->tree);
    arguments.erase(at);
  }
}

// last(v, along=u): v at the end of the run, together with the taps it is read with; along=-u: at its start.
Read Expander::end_of_run(Call& call, std::vector<Read> reads) {
  bool wrong = false;
  const auto place = along(call.options, call.scope, wrong);
  if (wrong || !no_options(call)) return {};
  const Source source = source_in(call.scope, call.tree->source);
  if (!place || place->shape) {
    diagnostics_.error("E0407", source, "'" + call.op + "' needs the axis that it goes along", "add along=t");
    return {};
  }
  if (reads.size() != 1) {
    diagnostics_.error("E0307", source, "'" + call.op + "' takes 1 operand, found " + std::to_string(reads.size()));
    return {};
  }
  const bool last = call.op == "last";
  Made made{"move", std::move(reads)};
  made.moves = {{place->axis, last ? Move::From::kEnd : Move::From::kStart, last ? -1 : 0}};
  return make(std::move(made), call.scope, call.tree->source, call.name);
}

// index(t), length(t): the operand is an axis.
Read Expander::position(Call& call, const std::vector<Argument>& arguments) {
  const Source source = source_in(call.scope, call.tree->source);
  const Expression* tree = arguments.size() == 1 ? arguments[0].tree.get() : nullptr;
  if (!tree || tree->kind != Expression::Kind::kName || !tree->taps.empty()) {
    diagnostics_.error("E0307", source, "'" + call.op + "' takes the name of an axis", "write " + call.op + "(t)");
    return {};
  }
  Options options = {{"along", arguments[0].tree}};
  bool wrong = false;
  const auto place = along(options, arguments[0].scope, wrong);
  if (!place || place->shape || !no_options(call)) return {};
  Made made{call.op, {}};
  made.axis = place->axis;
  return make(std::move(made), call.scope, call.tree->source, call.name);
}

// where(a, p, b, q, r): p if a, else q if b, else r.
Read Expander::where(Call& call, std::vector<Read> reads) {
  if (!no_options(call)) return {};
  if (reads.size() < 3 || reads.size() % 2 == 0) {
    diagnostics_.error(
        "E0307", source_in(call.scope, call.tree->source),
        "'where' takes pairs of a condition and a value, and a value for the rest; found " + std::to_string(reads.size()) + " operands",
        "where(c, p, q), where(a, p, b, q, r)");
    return {};
  }
  Read rest = reads.back();
  for (std::size_t k = reads.size() - 1; k >= 2; k -= 2) {
    rest = make({"where", {reads[k - 2], reads[k - 1], rest}}, call.scope, call.tree->source, k == 2 ? call.name : nullptr);
  }
  return rest;
}

bool Expander::no_options(const Call& call, std::string_view but_for) {
  for (const auto& [key, tree] : call.options) {
    if (key == but_for) continue;
    if (key == "along") {
      diagnostics_.error("E0407", source_in(call.scope, tree->source), "'" + call.op + "' takes no along=");
    } else {
      diagnostics_.error("E0303", source_in(call.scope, tree->source), "'" + call.op + "' has no option '" + key + "'");
    }
    return false;
  }
  return true;
}

std::optional<Attributes> Expander::attributes(Call& call, const NodeKind& kind) {
  Attributes found;
  bool wrong = false;
  std::vector<std::string> names;
  for (const OptionSpec& option : kind.options) names.emplace_back(option.name);
  for (const auto& [key, tree] : call.options) {
    const OptionSpec* spec = find_option(kind, key);
    const bool passed_on = call.scope.frame && tree->kind == Expression::Kind::kName && call.scope.frame->options.contains(tree->text);
    if (passed_on && !call.scope.frame->options.find(tree->text)->second) continue;  // the composite's user left it out
    if (!spec) {
      const bool no_axis = key == "along";
      diagnostics_.error(no_axis ? "E0407" : "E0303", source_in(call.scope, tree->source),
                         "'" + call.op + (no_axis ? "' takes no along=" : "' has no option '" + key + "'" + did_you_mean(key, names)),
                         kind.usage.empty() ? "" : "it is written " + std::string(kind.usage));
      wrong = true;
      continue;
    }
    auto value = attribute(*spec, *tree, call.scope);
    wrong = wrong || !value;
    if (value) found.emplace_back(key, std::move(*value));
  }
  for (const OptionSpec& option : kind.options) {
    if (find_attribute(found, option.name) || wrong) continue;
    if (option.otherwise) {
      found.emplace_back(option.name, *option.otherwise);
    } else if (std::none_of(call.options.begin(), call.options.end(), [&](const auto& given) { return given.first == option.name; })) {
      diagnostics_.error("E0304", source_in(call.scope, call.tree->source), "'" + call.op + "' needs " + std::string(option.name) + "=",
                         kind.usage.empty() ? "" : "it is written " + std::string(kind.usage));
      wrong = true;
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return wrong ? std::nullopt : std::optional(std::move(found));
}

// Reports a number out of the range that the option has.
bool Expander::in_range(const OptionSpec& spec, double value, const Expression& tree, const Scope& scope) {
  if (value >= spec.least && (spec.below ? value < spec.most : value <= spec.most)) return true;
  std::string range;
  if (std::isfinite(spec.least)) range = fmt::format(" from {}", spec.least);
  if (std::isfinite(spec.most)) range += fmt::format(" {} {}", spec.below ? "to below" : "to", spec.most);
  diagnostics_.error("E0305", source_in(scope, tree.source), fmt::format("{}= takes a number{}, found {}", spec.name, range, value));
  return false;
}

std::optional<AttributeValue> Expander::attribute(const OptionSpec& spec, const Expression& tree, const Scope& scope) {
  switch (spec.type) {
    case OptionSpec::Type::kNumber: {
      const auto value = number(tree, scope);
      return value && in_range(spec, *value, tree, scope) ? std::optional<AttributeValue>(*value) : std::nullopt;
    }
    case OptionSpec::Type::kInteger: {
      const auto value = whole_number(tree, scope);
      if (!value || !in_range(spec, static_cast<double>(*value), tree, scope)) return std::nullopt;
      return AttributeValue(static_cast<double>(*value));
    }
    case OptionSpec::Type::kNumbers: {
      const auto value = value_of(tree, scope);
      if (value && std::holds_alternative<std::vector<double>>(*value)) return std::get<std::vector<double>>(*value);
      if (value && std::holds_alternative<double>(*value)) return std::vector<double>{std::get<double>(*value)};
      if (value)
        diagnostics_.error("E0305", source_in(scope, tree.source),
                           std::string(spec.name) + "= takes a list of numbers, found '" + to_text(tree) + "'");
      return std::nullopt;
    }
    case OptionSpec::Type::kWord:
    case OptionSpec::Type::kFlag:
    case OptionSpec::Type::kAxis:
      break;
  }
  const auto text = word(tree, scope);
  if (!text) return std::nullopt;
  const bool flag = spec.type == OptionSpec::Type::kFlag;
  const bool allowed = flag ? *text == "true" || *text == "false"
                            : spec.words.empty() || std::find(spec.words.begin(), spec.words.end(), *text) != spec.words.end();
  if (!allowed) {
    std::string words = flag ? "true, false" : "";
    for (const std::string_view one : spec.words) words += (words.empty() ? "" : ", ") + std::string(one);
    diagnostics_.error("E0305", source_in(scope, tree.source), std::string(spec.name) + "= takes " + words + "; found '" + *text + "'");
    return std::nullopt;
  }
  if (flag) return AttributeValue(*text == "true" ? 1.0 : 0.0);
  return AttributeValue(*text);
}

}  // namespace tapeloop::expanding
