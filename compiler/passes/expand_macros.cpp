// What is known before anything runs: `for` blocks and series, {...} in names, numbers, sizes, words.
#include <charconv>
#include <cmath>

#include "compiler/frontend/names.h"
#include "compiler/passes/expander.h"

namespace tapeloop::expanding {
namespace {

constexpr std::int64_t kLongestRange = 100'000;
constexpr std::int64_t kMostPasses = 200'000;  // two blocks of 100,000, or the members of one in the passes of another

std::optional<double> as_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool looks_like_one = !text.empty() && (std::isdigit(static_cast<unsigned char>(text[0])) || text[0] == '-');
  return looks_like_one && error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::optional<double> combined(const std::string& op, double a, double b) {
  if (op == "+") return a + b;
  if (op == "-") return a - b;
  if (op == "*") return a * b;
  if (op == "/") return a / b;
  if (op == "**") return std::pow(a, b);
  return std::nullopt;
}

bool is_whole(double value) { return std::abs(value) < 9e15 && value == std::floor(value); }

std::vector<std::string> names_of(const Scope& scope) {
  std::vector<std::string> names;
  for (const auto& [name, value] : scope.indices) names.push_back(name);
  for (const auto& [name, value] : scope.in->settings) names.push_back(name);
  for (const auto& [name, size] : scope.in->sizes) names.push_back(name);
  return names;
}

}  // namespace

void Expander::for_each(const std::vector<ForRange>& ranges, std::size_t at, const Scope& scope,
                        const std::function<void(const Scope&)>& body) {
  if (at == ranges.size()) return body(scope);
  for (Value& value : range_values(ranges[at], scope)) {
    if (++passes_ > kMostPasses) {
      diagnostics_.error("E0316", ranges[at].source,
                         "the blocks and series of a model have " + std::to_string(kMostPasses) + " members at most",
                         "are the ranges right? What is within two blocks is made for each pair of their members");
      throw TooLarge();
    }
    Scope inner = scope;
    inner.indices.emplace_back(ranges[at].index, std::move(value));
    for_each(ranges, at + 1, inner, body);
  }
}

std::vector<Value> Expander::range_values(const ForRange& range, const Scope& scope) {
  std::vector<Value> values;
  if (range.first && range.last) {
    const auto first = whole_number(*range.first, scope);
    const auto last = whole_number(*range.last, scope);
    if (!first || !last) {
      scope.in->incomplete = true;
      return {};
    }
    if (*last - *first >= kLongestRange) {
      diagnostics_.error("E0316", range.source, "'" + range.index + "' takes " + std::to_string(*last - *first + 1) + " values",
                         "a range has at most 100000");
      scope.in->incomplete = true;
      return {};
    }
    for (std::int64_t value = *first; value <= *last; ++value) values.emplace_back(static_cast<double>(value));
  }
  for (const std::string& raw : range.words) {
    const auto word = fill(raw, scope, range.source);
    if (!word) continue;
    const auto number = as_number(*word);
    values.push_back(number ? Value(*number) : Value(*word));
  }
  if (values.empty()) {
    diagnostics_.error("E0309", range.source, "'" + range.index + "' has an empty range",
                       "a range goes up: 1..3; leave the block out if there is nothing");
    scope.in->incomplete = true;
  }
  return values;
}

std::optional<std::string> Expander::fill(const std::string& text, const Scope& scope, const Source& source) {
  if (text.find('{') == std::string::npos) return text;
  std::string filled;
  const std::vector<NamePart> parts = parse_name_parts(text, source, diagnostics_);
  if (parts.empty()) return std::nullopt;
  for (const NamePart& part : parts) {
    if (!part.braces) {
      filled += part.text;
      continue;
    }
    const Value* value = part.braces->kind == Expression::Kind::kName ? find_value(scope, part.braces->text) : nullptr;
    if (value && std::holds_alternative<std::string>(*value)) {
      filled += std::get<std::string>(*value);
      continue;
    }
    const auto number = whole_number(*part.braces, scope);
    if (!number) return std::nullopt;
    filled += std::to_string(*number);
  }
  return filled;
}

const Value* Expander::find_value(const Scope& scope, std::string_view name) const {
  for (auto at = scope.indices.rbegin(); at != scope.indices.rend(); ++at) {
    if (at->first == name) return &at->second;
  }
  if (scope.frame) {
    const auto option = scope.frame->options.find(name);
    return option != scope.frame->options.end() && option->second ? &*option->second : nullptr;
  }
  const auto setting = scope.in->settings.find(name);
  return setting == scope.in->settings.end() ? nullptr : &setting->second;
}

std::optional<double> Expander::try_number(const Expression& tree, const Scope& scope) {
  if (tree.kind == Expression::Kind::kNumber) return tree.number;
  if (tree.kind == Expression::Kind::kName && tree.taps.empty()) {
    std::string name = tree.text;
    if (name.find('{') != std::string::npos) {
      const auto filled = fill(name, scope, tree.source);
      if (!filled) return std::nullopt;
      if (const auto number = as_number(*filled)) return number;
      name = *filled;
    }
    if (const Value* value = find_value(scope, name)) {
      const double* number = std::get_if<double>(value);
      return number ? std::optional(*number) : std::nullopt;
    }
    const auto size = scope.in->sizes.find(name);
    if (size == scope.in->sizes.end()) return std::nullopt;
    const Dim found = graph_.sizes.resolve(size->second);
    return found.is_number() ? std::optional(static_cast<double>(found.number())) : std::nullopt;
  }
  if (tree.kind != Expression::Kind::kCall || tree.args.empty() || tree.args.size() > 2) return std::nullopt;
  const auto first = try_number(*tree.args[0], scope);
  if (!first) return std::nullopt;
  if (tree.args.size() == 1) return tree.text == "neg" ? std::optional(-*first) : std::nullopt;
  const auto second = try_number(*tree.args[1], scope);
  return second ? combined(tree.text, *first, *second) : std::nullopt;
}

std::optional<double> Expander::number(const Expression& tree, const Scope& scope) {
  const std::size_t before = diagnostics_.errors();
  auto value = try_number(tree, scope);
  if (!value && diagnostics_.errors() == before) explain_number(tree, scope);
  return value;
}

// Finds the part that is no number, and says so.
void Expander::explain_number(const Expression& tree, const Scope& scope) {
  const bool arithmetic = tree.kind == Expression::Kind::kCall && !tree.args.empty() && tree.args.size() <= 2 &&
                          (tree.args.size() == 1 ? tree.text == "neg" : combined(tree.text, 1, 1).has_value());
  if (arithmetic) {
    for (const ExpressionPtr& arg : tree.args) {
      if (arg && !try_number(*arg, scope)) return explain_number(*arg, scope);
    }
    return;
  }
  const Source source = source_in(scope, tree.source);
  if (tree.kind == Expression::Kind::kName) {
    const std::string text = to_text(tree);
    if (find_value(scope, tree.text)) {
      diagnostics_.error("E0305", source, "expected a number known before the run: '" + text + "' is not a number");
    } else if (scope.in->sizes.contains(tree.text)) {
      diagnostics_.error("E0305", source, "expected a number known before the run: nothing has given the size '" + text + "' yet",
                         "make it an option, or feed the model");
    } else if (symbol_ids_.contains(scope.in->prefix + tree.text)) {
      diagnostics_.error("E0305", source, "expected a number known before the run: '" + text + "' is a value of the model");
    } else {
      diagnostics_.error("E0303", source, "unknown option or size '" + text + "'" + did_you_mean(tree.text, names_of(scope)));
    }
    return;
  }
  diagnostics_.error("E0305", source, "expected a number known before the run, found '" + to_text(tree) + "'",
                     "numbers, options and sizes may be joined with + - * / **");
}

std::optional<std::int64_t> Expander::whole_number(const Expression& tree, const Scope& scope) {
  const auto value = number(tree, scope);
  if (!value) return std::nullopt;
  if (is_whole(*value)) return static_cast<std::int64_t>(*value);
  diagnostics_.error("E0310", source_in(scope, tree.source), "expected a whole number, '" + to_text(tree) + "' is " + number_text(*value));
  return std::nullopt;
}

std::optional<Dim> Expander::dim(const Expression& tree, const Scope& scope, NewSizes allow) {
  if (tree.kind == Expression::Kind::kName && tree.text == "_" && tree.taps.empty()) return graph_.sizes.fresh("");
  const std::size_t before = diagnostics_.errors();
  const auto found = affine(tree, scope, allow);
  if (!found && diagnostics_.errors() == before) explain_number(tree, scope);
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  if (found && found->is_number() && (found->number() < 0 || found->number() > kMost)) {
    diagnostics_.error("E0310", source_in(scope, tree.source), "a size is " + std::to_string(found->number()) + ": expected 0 to 2^31");
    return std::nullopt;
  }
  return found;
}

// Sums of sizes and whole numbers, and whole multiples of them.
std::optional<Dim> Expander::affine(const Expression& tree, const Scope& scope, NewSizes allow) {
  if (try_number(tree, scope)) {
    const auto whole = whole_number(tree, scope);
    return whole ? std::optional(Dim(*whole)) : std::nullopt;
  }
  if (tree.kind == Expression::Kind::kName && tree.taps.empty()) {
    const auto name = fill(tree.text, scope, tree.source);
    if (!name || find_value(scope, *name)) return std::nullopt;
    const auto known = scope.in->sizes.find(*name);
    if (known != scope.in->sizes.end()) return known->second;
    if (allow == NewSizes::kRefuse) return std::nullopt;
    const auto fed = options_.fed_sizes.find(*name);
    if (fed != options_.fed_sizes.end() && !scope.in->is_inner()) return scope.in->sizes.emplace(*name, Dim(fed->second)).first->second;
    return scope.in->sizes.emplace(*name, graph_.sizes.fresh(scope.in->prefix + *name)).first->second;
  }
  if (tree.kind != Expression::Kind::kCall || tree.args.size() != 2) return std::nullopt;
  if (tree.text == "+" || tree.text == "-") {
    const auto a = affine(*tree.args[0], scope, allow);
    const auto b = affine(*tree.args[1], scope, allow);
    if (!a || !b) return std::nullopt;
    return *a + *b * (tree.text == "-" ? -1 : 1);
  }
  if (tree.text != "*") return std::nullopt;
  for (const std::size_t factor : {0, 1}) {
    const auto times = try_number(*tree.args[factor], scope);
    if (!times || !is_whole(*times)) continue;
    const auto size = affine(*tree.args[1 - factor], scope, allow);
    return size ? std::optional(*size * static_cast<std::int64_t>(*times)) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<Shape> Expander::shape(const std::vector<ExpressionPtr>& dims, const Scope& scope) {
  Shape shape;
  bool complete = true;
  for (const ExpressionPtr& tree : dims) {
    const auto found = tree ? dim(*tree, scope, NewSizes::kAllow) : std::nullopt;
    complete = complete && found;
    if (found) shape.push_back(*found);
  }
  return complete ? std::optional(shape) : std::nullopt;
}

std::optional<std::string> Expander::word(const Expression& tree, const Scope& scope) {
  if (tree.kind == Expression::Kind::kName && tree.taps.empty()) {
    const auto text = fill(tree.text, scope, tree.source);
    if (!text) return std::nullopt;
    const Value* value = find_value(scope, *text);
    if (!value) return text;
    if (std::holds_alternative<std::string>(*value)) return std::get<std::string>(*value);
  }
  diagnostics_.error("E0305", source_in(scope, tree.source), "expected a word, found '" + to_text(tree) + "'");
  return std::nullopt;
}

std::optional<Value> Expander::value_of(const Expression& tree, const Scope& scope) {
  if (tree.kind == Expression::Kind::kList) {
    std::vector<double> numbers;
    for (const ExpressionPtr& item : tree.args) {
      const auto value = item ? number(*item, scope) : std::nullopt;
      if (!value) return std::nullopt;
      numbers.push_back(*value);
    }
    return Value(std::move(numbers));
  }
  if (tree.kind == Expression::Kind::kName && tree.taps.empty()) {
    const auto text = fill(tree.text, scope, tree.source);
    if (!text) return std::nullopt;
    if (const Value* value = find_value(scope, *text)) return *value;
    if (!as_number(*text) && !scope.in->sizes.contains(*text)) return Value(*text);
  }
  const auto value = number(tree, scope);
  return value ? std::optional(Value(*value)) : std::nullopt;
}

}  // namespace tapeloop::expanding
