// The workings of `expand`, shared by its files: expand_container (sections, inner containers), expand_macros (for, {...}, numbers),
// expand_expression (equations), expand_calls (kinds, joins, reductions), expand_linear, expand_composite, expand_axes (what the t
// of each inner container is), expand_derived (axes that follow from others), expand_modes (lengths, what a decoder reads), expand_finish
// (names to ids, taps to moves), expand_states (starts), expand_text.
//
// While containers are written out, names may be read before they are defined and axes before they are known. So nodes hold
// Reads (a symbol or a node, and taps along slots) in `pending_` until finish() knows all names and axes.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "compiler/frontend/names.h"
#include "compiler/passes/expand.h"

namespace tapeloop::expanding {

using SymbolId = std::int32_t;
using SlotId = std::int32_t;

// An axis as a container sees it; sign -1: read backwards.
struct AxisUse {
  SlotId slot = kNone;
  int sign = 1;
};

struct Tap {
  AxisUse axis;
  Move::From from = Move::From::kHere;
  std::int32_t offset = 0;  // seen along the axis as the container reads it
};

// A value that something reads; neither symbol nor node: it is wrong, and that is reported.
struct Read {
  SymbolId symbol = kNone;
  NodeId node = kNone;
  std::vector<Tap> taps;
  Source source;
  bool bad() const { return symbol == kNone && node == kNone; }
};

struct Instance;

// How an axis follows from others, before it is known what those are.
struct SlotDerivation {
  Derivation rule;            // without its axes
  std::vector<AxisUse> from;  // the axes
  SlotId within = kNone;      // of a window's positions: the axis of the windows; else what `from` lies within
  SlotId own = kNone;         // the axis, if no other is derived alike
};

// An axis of the graph, or the t of an inner container until it is known what that is, or an axis derived from others, until it is
// known whether there is one like it.
struct Slot {
  std::string name;
  Source source;
  SlotId within = kNone;
  Read length;              // none: from the data
  bool has_length = false;  //
  Read until;               // or decided by a value ..
  std::int32_t most = 0;    // .. with so many positions at most; 0: not decided
  std::int32_t beam = 1;    // .. by a search of so many hypotheses
  double length_penalty = 0;
  bool is_bound = false;  // an inner t: `target` is what it stands for (kNone: not found yet)
  AxisUse target;
  std::vector<Read> feeds;         // of an inner t
  const Instance* user = nullptr;  // of an inner t: the container that uses the inner one
  std::optional<SlotDerivation> derivation;
  bool candidate = false;  // the axis of a derivation, not yet there
  bool wrong = false;      // what it lies within, or stands for, is wrong: so are the values that mention it
  bool declared = false;   // by the user; the default t counts only where something uses it
  bool used = false;
  AxisId id = kNone;  // in the graph
};

struct Along {
  bool shape = false;
  AxisUse axis;
};

// What a name may stand for before anything runs.
using Value = std::variant<double, std::string, std::vector<double>, Along>;

struct GivenOption {
  Value value;
  Source source;
};

// One use of a container.
struct Instance {
  const Container* container = nullptr;
  std::string prefix;               // "" or "d."
  const Instance* outer = nullptr;  // the container that uses it
  std::string weights;              // full prefix of the instance whose parameters it shares, or ""
  Source source;                    // where it is used
  int depth = 0;
  std::map<std::string, Value, std::less<>> settings;   // options
  std::map<std::string, Dim, std::less<>> sizes;        // names of sizes
  std::vector<std::pair<std::string, AxisUse>> axes;    // name here -> slot
  std::map<std::string, std::string, std::less<>> use;  // op -> file
  std::vector<std::pair<std::string, Read>> bindings;   // of an inner one: what feeds each input
  bool incomplete = false;                              // a part could not be written out: a missing name may be there

  bool is_inner() const { return outer != nullptr; }
};

// Whose equation is being lowered; its parts are numbered.
struct Owner {
  std::string name;   // in full
  std::string local;  // in its container
  int parts = 0;
  int draws = 0;  // counted apart: random numbers go by names, which no optimisation may change
};

// Inside the equation of a composite: what its names stand for.
struct Frame {
  std::map<std::string, Read, std::less<>> operands;
  std::map<std::string, std::optional<Value>, std::less<>> options;  // no value: left out by the user
  Source source;                                                     // of the use
};

struct Scope {
  Instance* in = nullptr;
  std::vector<std::pair<std::string, Value>> indices;  // of `for`, innermost last
  const Frame* frame = nullptr;
  Owner* owner = nullptr;
};

struct Argument {
  ExpressionPtr tree;
  Scope scope;
};
using Options = std::vector<std::pair<std::string, ExpressionPtr>>;

// A call that is being lowered. `name` is what its outermost node will be called in full; null: a part of the owner.
struct Call {
  std::string op;
  const Expression* tree = nullptr;
  Options options;
  Scope& scope;
  const std::string* name = nullptr;
};

struct Symbol {
  std::string name;
  NodeId node = kNone;
  SymbolId alias = kNone;
  bool defined = false;  // defined without node and alias: its definition is wrong, and that is reported
  Source source;
};

struct PendingRemap {
  struct Step {
    AxisUse axis;
    std::int32_t times = 1;
  };
  std::vector<Step> steps = {};
  std::int32_t first = 0;
  std::int32_t divide = 1;
  std::vector<AxisUse> after = {};
};

struct PendingNode {
  std::vector<Read> reads;
  PendingRemap remap;      // of a remap; `axis` is the one that it reads along
  std::vector<Tap> moves;  // of a move
  AxisUse axis;
  std::vector<AxisUse> extra;
  bool keep_order = false;  // an input: `extra` is how its array is nested
  const Instance* in = nullptr;
};

struct PendingState {
  SymbolId symbol = kNone;
  AxisUse axis;
  Read init;
  Source source;
  const Instance* in = nullptr;
  StateRef::Side side = StateRef::Side::kBoth;
};

// Sizes that must be the same: the parameter of another instance, or of a group, is used with this shape too.
struct SharedShape {
  SymbolId symbol = kNone;
  Shape shape;
  Source source;
};

// Thrown where a model grows beyond what is made, after it was reported.
struct TooLarge {};
constexpr std::size_t kMostSuggestions = 100;  // after so many mistakes nothing is looked for that might have been meant

class Expander {
 public:
  Expander(const ExpandOptions& options, const Registry& registry, Diagnostics& diagnostics)
      : options_(options), registry_(registry), diagnostics_(diagnostics) {}
  Graph run(const Container& container);

 private:
  // expand_container.cpp
  void expand_instance(Instance& in);  // REQUIRES: options and, of an inner one, bindings
  void add_options(Instance& in, std::map<std::string, GivenOption> given);
  std::optional<Value> option_value(const OptionDecl& decl, const Scope& scope, const Source& source);
  void add_axes(Instance& in);
  void add_axis(Instance& in, const std::string& name, const Source& source, bool declared);
  void add_inputs(Instance& in);
  void add_input(Instance& in, const std::string& key, const Source& source, const InputDecl& decl, const Scope& scope);
  void add_parameters(Instance& in);
  void add_nodes(Instance& in);
  void define(Instance& in, const std::string& key, const Source& source, const NodeDecl& decl, Scope scope);
  void place_axes(Instance& in);
  void place_length(Instance& in, SlotId id, const AxisDecl& decl, const Scope& declared);
  void add_states(Instance& in);
  void add_state(Instance& in, const std::string& key, const Source& source, const StateDecl::Start& start, Scope scope);
  bool check_new_name(const Instance& in, const std::string& key, const Source& source);
  // expand_instance.cpp
  Read lower_instance(Call& call, const std::shared_ptr<const Container>& inner, const std::vector<Argument>& arguments);
  bool bind_operands(Call& call, Instance& in, const std::vector<Argument>& arguments);
  bool contains_itself(const Call& call, const Container& inner);
  struct Loaded {
    std::shared_ptr<const Container> container;  // null: there is none
    bool reported = false;                       // or it is wrong, and that is reported
  };
  const Loaded& find_container(const std::string& op, const Instance& in);
  std::optional<std::map<std::string, GivenOption>> given_options(Call& call, Instance& in);
  std::vector<std::string> known_options(Instance& in);
  std::vector<std::string> input_names(Instance& in);
  std::map<std::string, GivenOption> overrides(const Container& container);

  // expand_macros.cpp
  template <class T>
  using Entry = std::function<void(const std::string& key, const Source& source, const T& value, const Scope& scope)>;
  // Every entry of a section with its name written out: `for` blocks, {...}, and each name of "i, f, o".
  template <class T>
  void unroll(const Section<T>& section, const Scope& scope, const Entry<T>& entry);
  // Every assignment of the ranges, the last one fastest.
  void for_each(const std::vector<ForRange>& ranges, std::size_t at, const Scope& scope, const std::function<void(const Scope&)>& body);
  std::vector<Value> range_values(const ForRange& range, const Scope& scope);
  std::optional<std::string> fill(const std::string& text, const Scope& scope, const Source& source);
  const Value* find_value(const Scope& scope, std::string_view name) const;
  std::optional<double> number(const Expression& tree, const Scope& scope);      // reports
  std::optional<double> try_number(const Expression& tree, const Scope& scope);  // does not
  std::optional<std::int64_t> whole_number(const Expression& tree, const Scope& scope);
  void explain_number(const Expression& tree, const Scope& scope);
  enum class NewSizes { kAllow, kRefuse };
  std::optional<Dim> dim(const Expression& tree, const Scope& scope, NewSizes allow);
  std::optional<Dim> affine(const Expression& tree, const Scope& scope, NewSizes allow);
  std::optional<Shape> shape(const std::vector<ExpressionPtr>& dims, const Scope& scope);
  std::optional<Value> value_of(const Expression& tree, const Scope& scope);  // of an option: a number, a word, numbers, an axis

  // expand_expression.cpp
  Read lower(const Expression& tree, Scope& scope, const std::string* name = nullptr);
  Read lower_name(const Expression& tree, Scope& scope, const std::string* name);
  Read lower_value(const Value& value, const Expression& tree, Scope& scope, const std::string* name);
  Read lower_call(const Expression& tree, Scope& scope, const std::string* name);
  std::optional<std::pair<std::string, std::vector<Tap>>> name_and_taps(const Expression& tree, const std::string& text,
                                                                        const Scope& scope);
  std::vector<Argument> arguments(const Expression& call, const Scope& scope);
  std::vector<Read> lower_arguments(const std::vector<Argument>& arguments);
  std::optional<Along> along(Options& options, const Scope& scope, bool& wrong);
  std::optional<AxisUse> axis(const std::string& name, const Instance& in, const Source& source);

  // expand_calls.cpp
  Read apply(Call& call, std::vector<Read> reads);
  Read apply_kind(Call& call, const NodeKind& kind, std::vector<Read> reads);
  Read join(const std::string& op, std::vector<Read> reads, const Call& call, const std::string* name);
  Read reduce(Call& call, std::vector<Read> reads, const Along& along);
  bool place_named(Call& call, const NodeKind& kind, std::vector<Argument>& arguments);
  void place_options(Call& call, const NodeKind& kind, std::vector<Argument>& arguments);
  Read end_of_run(Call& call, std::vector<Read> reads);
  Read position(Call& call, const std::vector<Argument>& arguments);
  Read where(Call& call, std::vector<Read> reads);
  Read teacher(Call& call, std::vector<Read> reads);
  bool right_count(const Call& call, const NodeKind& kind, std::size_t found);
  std::optional<Attributes> attributes(Call& call, const NodeKind& kind);
  bool in_range(const OptionSpec& spec, double value, const Expression& tree, const Scope& scope);
  std::optional<AttributeValue> attribute(const OptionSpec& spec, const Expression& tree, const Scope& scope);
  bool no_options(const Call& call, std::string_view but_for = {});
  std::optional<std::string> word(const Expression& tree, const Scope& scope);
  bool may_be_called(const NodeKind& kind) const;
  std::vector<std::string> callable_names(const Instance& in) const;
  // expand_derived.cpp
  using Resample = Read (Expander::*)(Call& call, const NodeKind& kind, std::vector<Read> reads);
  static Resample resampling(std::string_view op);
  Read resample(Call& call, const NodeKind& kind, std::vector<Read> reads, Resample make);
  Read pool(Call& call, const NodeKind& kind, std::vector<Read> reads);
  Read window(Call& call, const NodeKind& kind, std::vector<Read> reads);
  Read upsample(Call& call, const NodeKind& kind, std::vector<Read> reads);
  Read reverse(Call& call, const NodeKind& kind, std::vector<Read> reads);
  Read slice_along(Call& call, const NodeKind& kind, std::vector<Read> reads);
  Read concat_along(Call& call, const NodeKind& kind, std::vector<Read> reads);
  std::optional<AxisUse> source_axis(Call& call, const Read& read);
  std::optional<AxisUse> innermost(Call& call, const Read& read);
  std::optional<AxisUse> target_axis(Call& call, bool& wrong);
  std::optional<std::vector<AxisUse>> joined_axes(Call& call, std::size_t operands);
  std::optional<Attributes> resampling_options(Call& call, const NodeKind& kind);
  AxisUse derive(SlotDerivation derivation, const std::string& name, const Source& source, bool declared);
  Read remap(Call& call, const Read& read, AxisUse from, PendingRemap places, const std::string* name);
  void derive_declared(Instance& in, const std::string& key, const DerivedDecl& decl, const Scope& scope);
  Remap remap_of(const PendingNode& node) const;
  void finish_derived_axes();
  // expand_linear.cpp
  struct LinearOptions {
    Dim units;
    std::string weights;  // name of a group, or ""
    std::string merge;
    std::string init;
    bool bias = true;
  };
  std::optional<LinearOptions> linear_options(Call& call, std::size_t operands);
  Read lower_linear(Call& call, const std::vector<Argument>& arguments);
  Read joined_product(std::vector<Read> operands, std::vector<Read> weights, Call& call, const std::string* name);
  std::string label_of(const Argument& argument, std::size_t position);
  // expand_composite.cpp
  // `along`: the axis of a kind NAME_along, as NAME(x, along=u) makes it.
  Read lower_composite(Call& call, const NodeKind& kind, std::vector<Read> reads, const Along* along = nullptr);
  bool composite_options(Call& call, const NodeKind& kind, Frame& frame);
  bool composite_option(const OptionSpec& spec, const ExpressionPtr& tree, const Scope& scope, std::optional<Value>& found);
  bool composite_parameters(Call& call, const NodeKind& kind, Frame& frame);
  const Expression& composite_equation(const NodeKind& kind);

  // Making nodes (expand_expression.cpp).
  struct Made {
    std::string_view kind;
    std::vector<Read> reads;
    Attributes attributes = {};
    AxisUse axis = {};
    std::vector<Tap> moves = {};
    double value = 0;
    PendingRemap remap = {};
  };
  Read make(Made made, Scope& scope, const Source& source, const std::string* name = nullptr);
  Read constant(double value, Scope& scope, const Source& source, const std::string* name = nullptr);
  Source source_in(const Scope& scope, const Source& source) const { return scope.frame ? scope.frame->source : source; }
  SymbolId intern(const std::string& name);
  Symbol& symbol(SymbolId id) { return symbols_[static_cast<std::size_t>(id)]; }
  PendingNode& pending(NodeId id) { return pending_[static_cast<std::size_t>(id)]; }
  NodeId add(Node node, PendingNode pending);
  NodeId add_named(Node node, PendingNode pending, const std::string& name);
  Read read_symbol(const std::string& name, const Source& source) { return {intern(name), kNone, {}, source}; }
  void take(const std::string& name);  // remembers all its dotted prefixes as taken
  std::string free_name(const std::string& name);
  void declare_parameter(const Instance& in, const std::string& name, Shape shape, Init init, const Source& source);
  bool bind_fed(const std::string& name, const Shape& shape, const Source& source, const char* what);

  // expand_axes.cpp
  void bind_axes();
  AxisUse resolved(AxisUse use) const;
  bool is_wrong(AxisUse use) const;
  bool count_axes();
  void number_axes();

  // expand_finish.cpp
  Graph finish(Instance& root);
  NodeId resolve(SymbolId id, const Source& source);
  void resolve_reads();
  void check_known(const Read& read, const Instance* in);
  NodeId operand(const Read& read);
  std::vector<Move> moves_of(const std::vector<Tap>& taps) const;
  void finish_nodes();
  void finish_states();
  bool replaces(const StateRef& found, const Instance* in);
  void finish_axes();
  void finish_outputs(Instance& root);
  void finish_names();
  void check_input_axes();
  void check_shared_names();
  void check_shared_shapes();
  void warn_unused(const Instance& root);
  NodeId wrong_node();  // stands for what is wrong and reported: a node without kind
  void make_wrong(NodeId id);
  bool mentions_wrong_axis(const PendingNode& node) const;
  void make_tapped_wrong();

  const ExpandOptions& options_;
  const Registry& registry_;
  Diagnostics& diagnostics_;
  std::int64_t passes_ = 0;  // through all blocks and series
  Graph graph_;
  std::vector<PendingNode> pending_;  // by NodeId
  std::vector<Symbol> symbols_;
  std::unordered_map<std::string, SymbolId> symbol_ids_;
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> next_free_;
  std::vector<Slot> slots_;
  std::vector<PendingState> states_;
  std::vector<std::pair<Read, const Instance*>> other_modes_;  // what is read in other modes only: it is not unused
  std::vector<const Instance*> state_owners_;                  // of graph_.states
  std::vector<SharedShape> shared_shapes_;
  std::deque<Instance> instances_;  // addresses are stable
  std::map<std::pair<const Container*, std::string>, Loaded> loaded_;
  std::map<std::string_view, ExpressionPtr> equations_;  // of composites
  std::map<std::pair<NodeId, std::vector<std::int32_t>>, NodeId> moves_;
  NodeId wrong_ = kNone;
};

template <class T>
void Expander::unroll(const Section<T>& section, const Scope& scope, const Entry<T>& entry) {
  for (const SectionItem<T>& item : section) {
    if (item.is_block()) {
      for_each(item.ranges, 0, scope, [&](const Scope& inner) { unroll(item.body, inner, entry); });
      continue;
    }
    for (const KeyName& raw : split_key(item.key)) {
      Source source = item.source;
      source.column += source.known() ? static_cast<int>(raw.offset) : 0;
      const auto key = fill(raw.name, scope, source);
      if (key) entry(*key, source, item.value, scope);
      if (!key) scope.in->incomplete = true;
    }
  }
}

}  // namespace tapeloop::expanding
