// Containers written in C++: the same data as a YAML file gives (core/container.h), so the same plan.
//
//   using namespace tapeloop::api;
//   Definition gru{"gru"};
//   const Expr units = gru.option("units", 128);
//   auto x = gru.input("x", {.shape = {free("features")}});
//   auto h = gru.declare("h");                                // may be tapped before it is defined
//   auto z = gru.node("z", sigmoid(linear({x, h.tm(1)}, {.units = units})));
//   auto n = gru.node("n", tanh(linear({x, h.tm(1)}, {.units = units})));
//   gru.define(h, z * h.tm(1) + (1 - z) * n);
//   gru.output(h);
//   const Container& container = gru.container();
//
// Mistakes that a person can make here throw ModelError; what the equations mean is checked by expand, as for YAML. Lines in
// messages are those of input(), node(), define() ...: operators know none. Loops are C++ loops; a Definition is not copied,
// and is alive for as long as its values are used. One thread at a time.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/container.h"

namespace tapeloop::api {

class Definition;

// A part of an equation: a value, a number, or an operation on these. Cheap to copy.
class Expr {
 public:
  template <class Number>
  requires std::is_arithmetic_v<Number> Expr(Number value) : Expr(from(value)) {}  // NOLINT(google-explicit-constructor): 1 - z

  // The value k >= 0 positions back (tm) or ahead (tp) on t; h.at("u", -1) on another axis. Taps add up: several axes.
  // REQUIRES: this is a value by name, not an operation; not tapped on that axis yet. Else ModelError E0392.
  Expr tm(int k) const { return at("t", -k); }
  Expr tp(int k) const { return at("t", k); }
  Expr at(const std::string& axis, int offset) const;
  // A value within what this node is made of: d["c"] is d.c where d is an lstm.
  Expr operator[](const std::string& inner) const;

  const ExpressionPtr& expression() const { return expression_; }
  const Definition* owner() const { return owner_; }  // null: numbers, sizes and words belong to none

 private:
  friend class Definition;
  friend Expr free(const std::string& name);
  friend Expr call(std::string_view, const std::vector<Expr>&, const std::vector<std::pair<std::string, Expr>>&);
  friend Expr list(const std::vector<Expr>& items);
  friend Expr reversed(const Expr& axis);
  Expr(ExpressionPtr expression, const Definition* owner) : expression_(std::move(expression)), owner_(owner) {}
  template <class Number>
  static Expr from(Number value) {
    if constexpr (std::same_as<Number, bool>) {
      return of_flag(value);
    } else {
      return of_number(static_cast<double>(value));
    }
  }
  static Expr of_number(double value);
  static Expr of_flag(bool value);
  // An operation on these: one owner, and within the limits.
  static Expr joined(std::shared_ptr<Expression> tree, const std::vector<const Expr*>& parts);
  bool is_name() const { return expression_->kind == Expression::Kind::kName; }

  ExpressionPtr expression_;
  const Definition* owner_ = nullptr;
  int depth_ = 1;          // levels of the tree
  std::int64_t size_ = 1;  // its parts; a part that is used twice counts twice
};

using Options = std::vector<std::pair<std::string, Expr>>;

// A size that what feeds the container decides; or any word, such as the value of an option: {"merge", word("sum")}.
Expr free(const std::string& name);
inline Expr word(const std::string& name) { return free(name); }
// An option's list of values, also of a Definition: list({1, 2}).
Expr list(const std::vector<Expr>& items);
// along=-t
Expr reversed(const Expr& axis);

// Any op: a kind, or a container ("lstm"). The functions below and those of the generated header are short for it.
Expr call(std::string_view op, const std::vector<Expr>& operands, const Options& options = {});

Expr operator+(const Expr& a, const Expr& b);
Expr operator-(const Expr& a, const Expr& b);
Expr operator*(const Expr& a, const Expr& b);
Expr operator/(const Expr& a, const Expr& b);
Expr operator-(const Expr& a);
Expr matmul(const Expr& a, const Expr& b);  // a @ b
Expr pow(const Expr& a, const Expr& b);     // a ** b
Expr less(const Expr& a, const Expr& b);
Expr less_equal(const Expr& a, const Expr& b);
Expr greater(const Expr& a, const Expr& b);
Expr greater_equal(const Expr& a, const Expr& b);
Expr equal(const Expr& a, const Expr& b);
Expr not_equal(const Expr& a, const Expr& b);

struct LinearOptions {
  std::optional<Expr> units = {};  // must be given
  bool bias = true;
  std::string weights = {};  // a group that shares its weights; empty: its own
  std::string merge = {};    // sum, concat, mul, mean, max, min; empty: sum
};
Expr linear(const std::vector<Expr>& operands, const LinearOptions& options);

// One `name=value` between the operands of a kind's function: softmax(scores, along("s")), dropout(x, option("rate", 0.5)).
struct Option {
  std::string name;
  Expr value;
};
inline Option option(std::string name, Expr value) { return {std::move(name), std::move(value)}; }
inline Option along(const std::string& axis) { return {"along", word(axis)}; }
inline Option along(Expr axis) { return {"along", std::move(axis)}; }

template <class T>
concept Argument = std::convertible_to<T, Expr> || std::same_as<std::remove_cvref_t<T>, Option>;
template <class T>
concept OwnType = std::same_as<std::remove_cvref_t<T>, Expr> || std::same_as<std::remove_cvref_t<T>, Option>;

// The call of a kind with operands and options in any order.
template <Argument... Arguments>
Expr call_with(std::string_view op, const Arguments&... arguments) {
  std::vector<Expr> operands;
  Options options;
  const auto take = [&](const auto& argument) {
    if constexpr (std::same_as<std::remove_cvref_t<decltype(argument)>, Option>) {
      options.emplace_back(argument.name, argument.value);
    } else {
      operands.emplace_back(argument);
    }
  };
  (take(arguments), ...);
  return call(op, operands, options);
}

// The C++ function of a kind, in this namespace. The build writes one line TAPELOOP_KIND_FUNCTION(NAME) for each file of
// nodes/kinds into a generated header, but for the kinds that have functions or operators above. Functions and not function
// objects: exp(x) of a double must still find the one of <cmath>.
#define TAPELOOP_KIND_FUNCTION(kind)                                                                                                    \
  template <::tapeloop::api::Argument... Arguments>                                                                                     \
  requires(::tapeloop::api::OwnType<Arguments> || ...)::tapeloop::api::Expr kind(const Arguments&... arguments) {                       \
    return ::tapeloop::api::call_with(#kind, arguments...);                                                                             \
  }                                                                                                                                     \
  inline ::tapeloop::api::Expr kind(const std::vector<::tapeloop::api::Expr>& operands, const ::tapeloop::api::Options& options = {}) { \
    return ::tapeloop::api::call(#kind, operands, options);                                                                             \
  }

struct InputOptions {
  std::optional<std::vector<std::string>> axes = {};  // none: [t]
  std::vector<Expr> shape = {};
  std::string type = "float";  // float, int or bool
};
struct DeclareOptions {
  std::vector<Expr> shape = {};  // for the reader of the program: the equation decides
};
struct ParameterOptions {
  std::vector<Expr> shape = {};         // free("_") is found from use
  std::string init = {};                // see runtime/initialisers.h; empty: glorot for matrices, zeros for others
  std::optional<Expr> init_value = {};  // argument of constant, normal, uniform
};
struct LengthOptions {
  std::optional<Expr> length = {};
  std::optional<Expr> until = {};           // the position at which it is true is the last
  std::optional<Expr> most = {};            // must be given with until: positions at most
  std::optional<Expr> beam = {};            // with until: hypotheses of a beam search
  std::optional<Expr> length_penalty = {};  // with beam: exponent of Wu et al. 2016, 0 is none
};
struct AxisOptions {
  std::string within = {};
  std::optional<Expr> length = {};  // none, and no until: from the data
  std::optional<Expr> until = {};
  std::optional<Expr> most = {};
  std::optional<Expr> beam = {}, length_penalty = {};
  std::vector<std::pair<Mode, LengthOptions>> of_mode = {};  // of modes that differ; eval takes train's unless it has its own
  std::vector<std::string> derived = {};  // from one axis by one of the rules below, or from several, one after the other
  std::optional<Expr> stride = {}, times = {}, start = {}, stop = {};
};

// The line that calls a function with `Where where = Where::here()` as its last parameter (std::source_location, which clang
// 14 does not have yet). Where a compiler does not say the column, it is 1.
struct Where {
  const char* file = "";
  int line = 0;
  int column = 1;

#if defined(__has_builtin) && __has_builtin(__builtin_COLUMN)
  static constexpr Where here(const char* file = __builtin_FILE(), int line = __builtin_LINE(), int column = __builtin_COLUMN()) {
    return {file, line, column};
  }
#else
  static constexpr Where here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line, 1}; }
#endif
};

class Definition {
 public:
  explicit Definition(std::string name, std::string doc = {});
  Definition(const Definition&) = delete;
  Definition& operator=(const Definition&) = delete;
  const std::string& name() const { return container_.name; }

  // The axes of the container, in order; without any there is t.
  Expr axis(const std::string& name, const AxisOptions& options = {}, Where where = Where::here());
  Expr input(const std::string& name, const InputOptions& options = {}, Where where = Where::here());
  // What a user of the container sets. A number, word("tanh") or list({1, 2}).
  Expr option(const std::string& name, const Expr& value, Where where = Where::here());
  Expr parameter(const std::string& name, const ParameterOptions& options, Where where = Where::here());

  Expr node(const std::string& name, const Expr& equation, Where where = Where::here());
  // A node that may be read, tapped or not, before define() gives its equation.
  Expr declare(const std::string& name, const DeclareOptions& options = {}, Where where = Where::here());
  void define(const Expr& declared, const Expr& equation, Where where = Where::here());

  // What a tap of the value reads outside the axis.
  void state(const Expr& value, const Expr& init, const std::string& along = "t", Where where = Where::here());
  void output(const Expr& value, Where where = Where::here());
  void loss(const Expr& value, Where where = Where::here());

  // The container so far. Throws ModelError if something was declared and not defined, or there is no output.
  const Container& container() const;

 private:
  Expr claim(const std::string& name, const Source& source);
  ExpressionPtr own(const Expr& expr, const Source& source) const;
  std::vector<ExpressionPtr> own(const std::vector<Expr>& exprs, const Source& source) const;
  std::string name_of(const Expr& value, const std::string& what, const Source& source) const;

  Container container_;
  std::set<std::string> names_;
  std::vector<std::pair<std::string, Source>> declared_;  // and not defined yet
};

}  // namespace tapeloop::api
