#include "core/api.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/diagnostics.h"
#include "core/names.h"

namespace tapeloop::api {
namespace {

constexpr int kMaxDepth = 1000;
constexpr int kMaxSize = 100'000;

[[noreturn]] void fail(const char* code, const Source& source, std::string message, std::string help) {
  throw ModelError({{Severity::kError, code, source, std::move(message), std::move(help)}});
}

Source source_of(const Where& where) { return {std::make_shared<const std::string>(where.file), where.line, where.column}; }

// The tree with `source` wherever nothing is known yet.
ExpressionPtr placed(const ExpressionPtr& tree, const Source& source) {
  if (tree->source.known()) return tree;
  auto result = std::make_shared<Expression>(*tree);
  result->source = source;
  for (TapText& tap : result->taps) {
    tap.source = source;
    if (tap.offset) tap.offset = placed(tap.offset, source);
  }
  for (ExpressionPtr& part : result->args) part = placed(part, source);
  for (auto& [name, value] : result->options) value = placed(value, source);
  return result;
}

std::shared_ptr<Expression> empty_call(std::string_view op) {
  auto tree = std::make_shared<Expression>();
  tree->kind = Expression::Kind::kCall;
  tree->text = op;
  return tree;
}

template <class T>
SectionItem<T> item(const std::string& key, const Source& source, T value) {
  SectionItem<T> result;
  result.key = key;
  result.source = source;
  result.value = std::move(value);
  return result;
}

}  // namespace

// ------------------------------------------------------------------------------------------------------ equations

Expr Expr::of_number(double value) {
  if (std::isnan(value)) fail("E0392", {}, "a number was expected, found one that is not a number (nan)", "look where it was computed");
  const double size = std::abs(value);
  Expr number(std::isinf(value) ? make_name("inf") : make_number(size), nullptr);
  return std::signbit(value) && size > 0 ? -number : number;  // as an equation in text has it
}

Expr Expr::of_flag(bool value) { return word(value ? "true" : "false"); }

Expr Expr::joined(std::shared_ptr<Expression> tree, const std::vector<const Expr*>& parts) {
  Expr result(nullptr, nullptr);
  for (const Expr* part : parts) {
    result.depth_ = std::max(result.depth_, part->depth_ + 1);
    result.size_ += part->size_;
    if (result.owner_ && part->owner_ && result.owner_ != part->owner_) {
      fail("E0390", {}, "an equation reads values of two definitions, '" + result.owner_->name() + "' and '" + part->owner_->name() + "'",
           "use one definition, or use the other as an op");
    }
    if (!result.owner_) result.owner_ = part->owner_;
  }
  if (result.depth_ > kMaxDepth || result.size_ > kMaxSize) {
    fail("E0394", {}, "an equation of " + std::to_string(result.depth_) + " levels and " + std::to_string(result.size_) + " parts",
         "give parts of it names of their own with node()");
  }
  result.expression_ = std::move(tree);
  return result;
}

Expr Expr::at(const std::string& axis, int offset) const {
  if (!is_name() || !owner_) {
    fail("E0392", {}, "'" + to_text(*expression_) + "' is no value by name: only those have a past",
         "give it a name with node(), and tap that");
  }
  for (const TapText& tap : expression_->taps) {
    if (tap.axis == axis)
      fail("E0392", {}, "'" + to_text(*expression_) + "' is tapped along '" + axis + "' already", "give each axis once");
  }
  if (offset == 0) return *this;
  auto tree = std::make_shared<Expression>(*expression_);
  const int sign = offset < 0 ? -1 : 1;
  tree->taps.push_back({axis, sign, make_number(std::abs(static_cast<double>(offset))), {}});
  Expr result = *this;
  result.expression_ = std::move(tree);
  return result;
}

Expr Expr::operator[](const std::string& inner) const {
  if (!is_name() || !owner_ || !expression_->taps.empty()) {
    fail("E0392", {}, "'" + to_text(*expression_) + "' has no values within it", "name the node that is a container: d[\"c\"]");
  }
  Expr result = *this;
  result.expression_ = make_name(expression_->text + "." + inner);
  return result;
}

Expr free(const std::string& name) {
  if (!is_identifier(name, true)) fail("E0391", {}, "'" + name + "' is no name", "names are letters, digits and _");
  return {make_name(name), nullptr};
}

Expr list(const std::vector<Expr>& items) {
  auto tree = std::make_shared<Expression>();
  tree->kind = Expression::Kind::kList;
  std::vector<const Expr*> parts;
  for (const Expr& item : items) {
    tree->args.push_back(item.expression_);
    parts.push_back(&item);
  }
  return Expr::joined(std::move(tree), parts);
}

Expr reversed(const Expr& axis) { return -axis; }

Expr call(std::string_view op, const std::vector<Expr>& operands, const Options& options) {
  auto tree = empty_call(op);
  std::vector<const Expr*> parts;
  for (const Expr& operand : operands) {
    tree->args.push_back(operand.expression_);
    parts.push_back(&operand);
  }
  for (const auto& [name, value] : options) {
    const auto same = [&name = name](const auto& other) { return other.first == name; };
    if (std::ranges::any_of(tree->options, same)) {
      fail("E0207", {}, "option '" + name + "' is given twice in " + tree->text + "(...)", "keep one of them");
    }
    tree->options.emplace_back(name, value.expression_);
    parts.push_back(&value);
  }
  return Expr::joined(std::move(tree), parts);
}

Expr operator+(const Expr& a, const Expr& b) { return call("+", {a, b}); }
Expr operator-(const Expr& a, const Expr& b) { return call("-", {a, b}); }
Expr operator*(const Expr& a, const Expr& b) { return call("*", {a, b}); }
Expr operator/(const Expr& a, const Expr& b) { return call("/", {a, b}); }
Expr operator-(const Expr& a) { return call("neg", {a}); }
Expr matmul(const Expr& a, const Expr& b) { return call("@", {a, b}); }
Expr pow(const Expr& a, const Expr& b) { return call("**", {a, b}); }
Expr less(const Expr& a, const Expr& b) { return call("<", {a, b}); }
Expr less_equal(const Expr& a, const Expr& b) { return call("<=", {a, b}); }
Expr greater(const Expr& a, const Expr& b) { return call(">", {a, b}); }
Expr greater_equal(const Expr& a, const Expr& b) { return call(">=", {a, b}); }
Expr equal(const Expr& a, const Expr& b) { return call("==", {a, b}); }
Expr not_equal(const Expr& a, const Expr& b) { return call("!=", {a, b}); }

Expr linear(const std::vector<Expr>& operands, const LinearOptions& options) {
  Options given;
  if (options.units) given.emplace_back("units", *options.units);
  if (!options.bias) given.emplace_back("bias", word("false"));
  if (!options.weights.empty()) given.emplace_back("weights", word(options.weights));
  if (!options.merge.empty()) given.emplace_back("merge", word(options.merge));
  return call("linear", operands, given);
}

// ---------------------------------------------------------------------------------------------------- declarations

Definition::Definition(std::string name, std::string doc) {
  container_.name = std::move(name);
  container_.doc = std::move(doc);
}

Expr Definition::claim(const std::string& name, const Source& source) {
  if (!is_identifier(name))
    fail("E0391", source, "'" + name + "' is no name", "names are letters, digits and _, and do not start with a digit");
  if (const auto tap = split_tap(name)) {
    fail("E0391", source, "'" + name + "' ends like a tap", "choose another name, such as '" + tap->name + "_old'");
  }
  if (!names_.insert(name).second)
    fail("E0391", source, "'" + name + "' is declared twice in '" + container_.name + "'", "choose another name");
  return {make_name(name), this};
}

ExpressionPtr Definition::own(const Expr& expr, const Source& source) const {
  if (expr.owner_ && expr.owner_ != this) {
    fail("E0390", source, "'" + to_text(*expr.expression_) + "' is of '" + expr.owner_->name() + "', not of '" + container_.name + "'",
         "use one definition, or use the other as an op");
  }
  return placed(expr.expression_, source);
}

std::vector<ExpressionPtr> Definition::own(const std::vector<Expr>& exprs, const Source& source) const {
  std::vector<ExpressionPtr> result;
  result.reserve(exprs.size());
  for (const Expr& expr : exprs) result.push_back(own(expr, source));
  return result;
}

std::string Definition::name_of(const Expr& value, const std::string& what, const Source& source) const {
  const ExpressionPtr tree = own(value, source);
  if (value.owner_ && value.is_name() && tree->taps.empty()) return tree->text;
  fail("E0392", source, what + " is a value by name, found '" + to_text(*tree) + "'", "give it a name with node()");
}

Expr Definition::axis(const std::string& name, const AxisOptions& options, Where where) {
  const Source source = source_of(where);
  if (!is_identifier(name)) fail("E0391", source, "'" + name + "' is no name", "axes have names such as t or u");
  const auto same = [&](const auto& other) { return other.key == name; };
  if (std::ranges::any_of(container_.axes, same)) fail("E0391", source, "axis '" + name + "' is declared twice", "choose another name");
  AxisDecl decl;
  decl.within = options.within;
  const auto length = [&](const LengthOptions& from) {
    LengthDecl of;
    if (from.until.has_value() != from.most.has_value() || (from.until && from.length))
      fail("E0391", source, "axis '" + name + "': a length, or until and most together", "say {.until = done, .most = 40}");
    if (from.length) of.length = own(*from.length, source);
    if (from.until) of.until = own(*from.until, source);
    if (from.most) of.most = own(*from.most, source);
    if (from.beam && !from.until)
      fail("E0391", source, "axis '" + name + "': a beam needs until and most", "say {.until = done, .most = 40, .beam = 5}");
    if (from.length_penalty && !from.beam)
      fail("E0391", source, "axis '" + name + "': a length_penalty needs a beam", "say {.beam = 5, .length_penalty = 0.6}");
    if (from.beam) of.beam = own(*from.beam, source);
    if (from.length_penalty) of.length_penalty = own(*from.length_penalty, source);
    of.until_source = source;
    return of;
  };
  decl.length = length({options.length, options.until, options.most, options.beam, options.length_penalty});
  for (const auto& [mode, from] : options.of_mode) decl.of_mode.emplace_back(mode, length(from));
  const auto tree = [&](const std::optional<Expr>& equation) { return equation ? own(*equation, source) : nullptr; };
  decl.derived = {options.derived, tree(options.stride), tree(options.times), tree(options.start), tree(options.stop), source};
  container_.axes.push_back(item(name, source, std::move(decl)));
  return {make_name(name), this};
}

Expr Definition::input(const std::string& name, const InputOptions& options, Where where) {
  const Source source = source_of(where);
  Expr result = claim(name, source);
  InputDecl decl;
  decl.has_axes = options.axes.has_value();
  decl.axes = options.axes.value_or(std::vector<std::string>{});
  decl.shape = own(options.shape, source);
  decl.type = options.type;
  decl.type_source = source;
  if (decl.type != "float" && decl.type != "int" && decl.type != "bool") {
    fail("E0121", source, "type of '" + name + "': expected float, int or bool, found '" + decl.type + "'",
         "numbers are float, tokens int");
  }
  container_.inputs.push_back(item(name, source, std::move(decl)));
  return result;
}

Expr Definition::option(const std::string& name, const Expr& value, Where where) {
  const Source source = source_of(where);
  Expr result = claim(name, source);
  const ExpressionPtr tree = own(value, source);
  const bool is_list = tree->kind == Expression::Kind::kList;
  OptionDecl decl{is_list ? tree->args : std::vector<ExpressionPtr>{tree}, is_list};
  container_.options.push_back(item(name, source, std::move(decl)));
  return result;
}

Expr Definition::parameter(const std::string& name, const ParameterOptions& options, Where where) {
  const Source source = source_of(where);
  Expr result = claim(name, source);
  ParameterDecl decl;
  decl.shape = own(options.shape, source);
  decl.init = options.init;
  if (options.init_value) decl.init_value = own(*options.init_value, source);
  decl.init_source = source;
  container_.parameters.push_back(item(name, source, std::move(decl)));
  return result;
}

Expr Definition::node(const std::string& name, const Expr& equation, Where where) {
  const Source source = source_of(where);
  const ExpressionPtr tree = own(equation, source);
  Expr result = claim(name, source);
  container_.nodes.push_back(item(name, source, NodeDecl{tree, {}}));
  return result;
}

Expr Definition::declare(const std::string& name, const DeclareOptions&, Where where) {
  const Source source = source_of(where);
  Expr result = claim(name, source);
  declared_.emplace_back(name, source);
  return result;
}

void Definition::define(const Expr& declared, const Expr& equation, Where where) {
  const Source source = source_of(where);
  const std::string name = name_of(declared, "what is defined", source);
  const auto at = std::ranges::find(declared_, name, &std::pair<std::string, Source>::first);
  if (at == declared_.end())
    fail("E0391", source, "'" + name + "' has an equation already, or is no node", "declare() it, then define() it once");
  container_.nodes.push_back(item(name, source, NodeDecl{own(equation, source), {}}));
  declared_.erase(at);
}

void Definition::state(const Expr& value, const Expr& init, const std::string& along, Where where) {
  const Source source = source_of(where);
  const std::string name = name_of(value, "what has a state", source);
  StateDecl::Start start{along, own(init, source), source, nullptr, nullptr};
  for (auto& known : container_.states) {
    if (known.key != name) continue;
    const auto same = [&](const StateDecl::Start& other) { return other.along == along; };
    if (std::ranges::any_of(known.value.starts, same)) {
      fail("E0391", source, "'" + name + "' gets two starts along '" + along + "'", "give one for each axis");
    }
    known.value.starts.push_back(std::move(start));
    return;
  }
  container_.states.push_back(item(name, source, StateDecl{{std::move(start)}}));
}

void Definition::output(const Expr& value, Where where) {
  const Source source = source_of(where);
  container_.outputs.push_back({name_of(value, "an output", source), source});
}

void Definition::loss(const Expr& value, Where where) {
  const Source source = source_of(where);
  container_.losses = {{name_of(value, "the loss", source), {}, nullptr, false, source, source}};
}

const Container& Definition::container() const {
  std::vector<Diagnostic> missing;
  for (const auto& [name, source] : declared_) {
    missing.push_back(
        {Severity::kError, "E0393", source, "'" + name + "' is declared but has no equation", "add define(" + name + ", ...)"});
  }
  if (container_.outputs.empty()) {
    missing.push_back({Severity::kError, "E0393", {}, "'" + container_.name + "' has no output", "add output(...)"});
  }
  if (!missing.empty()) throw ModelError(std::move(missing));
  return container_;
}

}  // namespace tapeloop::api
