// The sections of a container, written into the graph under the container's prefix.
#include <algorithm>

#include "compiler/passes/expander.h"

namespace tapeloop::expanding {
namespace {

constexpr std::size_t kMostDeclared = 1'000;  // axes of a container; a model has fewer in use

const char* kind_of(const Value& value) {
  if (std::holds_alternative<double>(value)) return "a number";
  if (std::holds_alternative<std::string>(value)) return "a word";
  return std::holds_alternative<std::vector<double>>(value) ? "a list of numbers" : "an axis";
}

Type type_of(const std::string& name) { return name == "int" ? Type::kInt : name == "bool" ? Type::kBool : Type::kFloat; }

}  // namespace

void Expander::expand_instance(Instance& in) {
  Scope scope{&in, {}, nullptr, nullptr};
  unroll<std::string>(in.container->use, scope,
                      [&](const std::string& key, const Source&, const std::string& file, const Scope&) { in.use[key] = file; });
  add_axes(in);
  add_inputs(in);
  add_parameters(in);
  add_nodes(in);
  place_axes(in);
  add_states(in);
}

// What is given takes the place of a default at once: options that are computed from it follow.
void Expander::add_options(Instance& in, std::map<std::string, GivenOption> given) {
  std::vector<std::string> names;
  unroll<OptionDecl>(in.container->options, {&in, {}, nullptr, nullptr},
                     [&](const std::string& key, const Source& source, const OptionDecl& decl, const Scope& scope) {
                       names.push_back(key);
                       const auto otherwise = option_value(decl, scope, source);
                       const auto at = given.find(key);
                       if (at == given.end()) {
                         if (otherwise) in.settings[key] = *otherwise;
                         in.incomplete = in.incomplete || !otherwise;
                         return;
                       }
                       if (otherwise && at->second.value.index() != otherwise->index()) {
                         diagnostics_.error("E0305", at->second.source,
                                            "option '" + key + "' is " + kind_of(*otherwise) + ", found " + kind_of(at->second.value));
                       }
                       in.settings[key] = at->second.value;
                       given.erase(at);
                     });
  for (const auto& [key, option] : given) {
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
    diagnostics_.error("E0303", option.source, "unknown option '" + key + "' of '" + in.container->name + "'" + did_you_mean(key, names),
                       all.empty() ? "it has no options" : "its options are " + all);
  }
}

std::optional<Value> Expander::option_value(const OptionDecl& decl, const Scope& scope, const Source&) {
  if (decl.values.empty() && !decl.is_list) return std::nullopt;
  if (!decl.is_list) return decl.values[0] ? value_of(*decl.values[0], scope) : std::nullopt;
  std::vector<double> numbers;
  for (const ExpressionPtr& item : decl.values) {
    const auto value = item ? number(*item, scope) : std::nullopt;
    if (!value) return std::nullopt;
    numbers.push_back(*value);
  }
  return Value(std::move(numbers));
}

void Expander::add_axes(Instance& in) {
  const Scope scope{&in, {}, nullptr, nullptr};
  if (in.container->axes.empty()) add_axis(in, "t", in.container->source, false);
  unroll<AxisDecl>(in.container->axes, scope, [&](const std::string& key, const Source& source, const AxisDecl& decl, const Scope&) {
    if (decl.derived.from.empty()) add_axis(in, key, source, true);
  });
  unroll<AxisDecl>(in.container->axes, scope, [&](const std::string& key, const Source&, const AxisDecl& decl, const Scope& inner) {
    if (!decl.derived.from.empty()) derive_declared(in, key, decl.derived, inner);
  });
}

// The t of an inner container is what feeds it varies along; its other axes go by their names where something feeds them.
void Expander::add_axis(Instance& in, const std::string& name, const Source& source, bool declared) {
  if (in.axes.size() >= kMostDeclared) {
    diagnostics_.error("E0410", source, "more than " + std::to_string(kMostDeclared) + " axes");
    throw TooLarge();
  }
  for (const auto& [other, use] : in.axes) {
    if (other == name) return;  // t, by along=
  }
  std::vector<Read> feeds;
  unroll<InputDecl>(in.container->inputs, {&in, {}, nullptr, nullptr},
                    [&](const std::string& key, const Source&, const InputDecl& decl, const Scope&) {
                      const std::vector<std::string> lives = decl.has_axes ? decl.axes : std::vector<std::string>{"t"};
                      if (std::find(lives.begin(), lives.end(), name) == lives.end()) return;
                      for (const auto& [input, read] : in.bindings) {
                        if (input == key) feeds.push_back(read);
                      }
                    });
  if (!feeds.empty() && name != "t") {
    if (const auto outer = axis(name, *in.outer, feeds[0].source)) in.axes.emplace_back(name, *outer);
    return;
  }
  Slot slot;
  slot.name = in.prefix + name;
  slot.source = source;
  slot.declared = declared && !in.is_inner();
  slot.is_bound = !feeds.empty();
  slot.feeds = std::move(feeds);
  slot.user = in.outer;
  in.axes.emplace_back(name, AxisUse{static_cast<SlotId>(slots_.size()), 1});
  slots_.push_back(std::move(slot));
}

void Expander::add_inputs(Instance& in) {
  unroll<InputDecl>(in.container->inputs, {&in, {}, nullptr, nullptr},
                    [&](const std::string& key, const Source& source, const InputDecl& decl, const Scope& scope) {
                      add_input(in, key, source, decl, scope);
                    });
}

// An input of an inner container is a copy of what feeds it, on the container's axes.
void Expander::add_input(Instance& in, const std::string& key, const Source& source, const InputDecl& decl, const Scope& scope) {
  if (!check_new_name(in, key, source)) return;
  const std::string name = in.prefix + key;
  const auto found = shape(decl.shape, scope);
  Node node;
  PendingNode pending;
  pending.in = in.is_inner() ? in.outer : &in;  // who gives what it reads
  bool complete = found.has_value() && !decl.wrong;
  for (const std::string& lives : decl.has_axes ? decl.axes : std::vector<std::string>{"t"}) {
    const auto use = axis(lives, in, source);
    if (use) pending.extra.push_back(*use);
    complete = complete && use;
  }
  if (!complete) {
    symbol(intern(name)).defined = true;
    take(name);
    return;
  }
  node.shape = *found;
  node.source = source;
  if (in.is_inner()) {
    node.kind = &registry_.at("copy");
    node.attributes = {{"declared", 1.0}};
    for (const auto& [input, read] : in.bindings) {
      if (input == key) pending.reads = {read};
    }
  } else {
    node.kind = &registry_.at("input");
    node.type = type_of(decl.type);
    pending.keep_order = true;
    if (!bind_fed(name, node.shape, source, "input")) node.kind = nullptr;
  }
  add_named(std::move(node), std::move(pending), name);
}

bool Expander::bind_fed(const std::string& name, const Shape& shape, const Source& source, const char* what) {
  const auto fed = options_.fed_shapes.find(name);
  if (fed == options_.fed_shapes.end()) return true;
  Shape found;
  for (const std::int64_t size : fed->second) found.emplace_back(size);
  bool fits = found.size() == shape.size();
  const std::string declared = graph_.sizes.text(shape);
  for (std::size_t k = 0; fits && k < shape.size(); ++k) fits = graph_.sizes.unify(shape[k], found[k]);
  if (fits) return true;
  const std::string given = graph_.sizes.text(found);
  std::string help = "declare shape: " + given + ", or feed " + declared;
  if (shape.empty() && found.size() == 1) help += "; in train.data.inputs 'column: NAME' gives single numbers, 'columns: [NAME]' a vector";
  diagnostics_.error("E0509", source, std::string(what) + " '" + name + "' is declared " + declared + ", what is fed has shape " + given,
                     help);
  return false;
}

void Expander::add_parameters(Instance& in) {
  unroll<ParameterDecl>(in.container->parameters, {&in, {}, nullptr, nullptr},
                        [&](const std::string& key, const Source& source, const ParameterDecl& decl, const Scope& scope) {
                          if (!check_new_name(in, key, source)) return;
                          const auto found = shape(decl.shape, scope);
                          Init init{decl.init, 0, false};
                          const auto value = decl.init_value ? number(*decl.init_value, scope) : std::nullopt;
                          if (value) init = {decl.init, *value, true};
                          if (!found || decl.wrong || (decl.init_value && !value)) {
                            symbol(intern(in.prefix + key)).defined = true;
                            return;
                          }
                          declare_parameter(in, in.prefix + key, *found, init, source);
                        });
}

// weights=OTHER of this instance, or of one around it: another name for the parameter of the other.
void Expander::declare_parameter(const Instance& in, const std::string& name, Shape shape, Init init, const Source& source) {
  const SymbolId id = intern(name);
  if (symbol(id).defined) {  // of a group: weights=NAME of an earlier linear
    shared_shapes_.push_back({id, std::move(shape), source});
    return;
  }
  for (const Instance* sharer = &in; sharer; sharer = sharer->outer) {
    if (sharer->weights.empty()) continue;
    const SymbolId other = intern(sharer->weights + name.substr(sharer->prefix.size()));
    symbol(id).alias = other;
    symbol(id).defined = true;
    symbol(id).source = source;
    shared_shapes_.push_back({id, std::move(shape), sharer->source});
    return;
  }
  Node node;
  node.kind = &registry_.at("parameter");
  node.init = std::move(init);
  node.source = source;
  if (!bind_fed(name, shape, source, "parameter")) node.kind = nullptr;
  node.shape = std::move(shape);
  PendingNode pending;
  pending.in = &in;
  add_named(std::move(node), std::move(pending), name);
}

bool Expander::check_new_name(const Instance& in, const std::string& key, const Source& source) {
  if (!is_identifier(key)) {
    diagnostics_.error("E0118", source, "'" + key + "' is not a name", "a name has letters, digits and _, and begins with no digit");
    return false;
  }
  if (split_tap(key)) {
    diagnostics_.error("E0119", source, "'" + key + "' reads like a tap: no name may end in _tm or _tp and a number",
                       "give it another name");
    return false;
  }
  const auto at = symbol_ids_.find(in.prefix + key);
  if (at != symbol_ids_.end() && symbol(at->second).defined) {
    const Source& first = symbol(at->second).source;
    diagnostics_.error("E0306", source, "'" + key + "' is defined twice" + (first.known() ? "; first in " + first.text(false) : ""),
                       "give one of them another name");
    return false;
  }
  if (in.settings.contains(key)) {
    diagnostics_.error("E0306", source, "'" + key + "' is an option already", "give one of them another name");
    return false;
  }
  return true;
}

void Expander::add_nodes(Instance& in) {
  unroll<NodeDecl>(in.container->nodes, {&in, {}, nullptr, nullptr},
                   [&](const std::string& key, const Source& source, const NodeDecl& decl, const Scope& scope) {
                     if (check_new_name(in, key, source)) define(in, key, source, decl, scope);
                   });
}

void Expander::define(Instance& in, const std::string& key, const Source& source, const NodeDecl& decl, Scope scope) {
  const std::string name = in.prefix + key;
  Owner owner{name, key};
  scope.owner = &owner;
  std::vector<AxisUse> extra;
  for (const std::string& has : decl.axes) {
    if (const auto use = axis(has, in, source)) extra.push_back(*use);
  }
  const bool wrong = decl.wrong || extra.size() < decl.axes.size();
  Read result = decl.equation ? lower(*decl.equation, scope, &name) : Read{};
  const SymbolId id = intern(name);
  symbol(id).source = source;
  if (!result.bad() && (!result.taps.empty() || (!extra.empty() && result.symbol != id))) {
    const bool moved = !result.taps.empty();  // a tap with a name of its own; it starts from zeros, as every node does
    result = make({moved ? "move" : "copy", {result}}, scope, result.source, &name);
  }
  if (result.symbol != kNone && result.symbol != id) {  // `y: h` is a second name for h, initial state and all
    symbol(id).alias = result.symbol;
  }
  symbol(id).defined = true;
  take(name);
  if (symbol(id).node == kNone) return;
  pending(symbol(id).node).extra = std::move(extra);
  if (wrong) make_wrong(symbol(id).node);
}

void Expander::place_axes(Instance& in) {
  unroll<AxisDecl>(
      in.container->axes, {&in, {}, nullptr, nullptr},
      [&](const std::string& key, const Source& source, const AxisDecl& decl, const Scope& declared) {
        SlotId id = kNone;
        for (const auto& [name, use] : in.axes) {
          if (name == key) id = use.slot;
        }
        if (id == kNone || slots_[static_cast<std::size_t>(id)].name != in.prefix + key || slots_[static_cast<std::size_t>(id)].is_bound)
          return;
        if (!decl.within.empty()) {
          const auto outer = axis(decl.within, in, source);
          if (outer) slots_[static_cast<std::size_t>(id)].within = outer->slot;
          slots_[static_cast<std::size_t>(id)].wrong = !outer;
        }
        if (decl.wrong) slots_[static_cast<std::size_t>(id)].wrong = true;
        place_length(in, id, decl, declared);
      });
}

void Expander::add_states(Instance& in) {
  unroll<StateDecl>(in.container->states, {&in, {}, nullptr, nullptr},
                    [&](const std::string& key, const Source& source, const StateDecl& decl, const Scope& scope) {
                      for (const StateDecl::Start& start : decl.starts) add_state(in, key, source, start, scope);
                      if (decl.wrong) states_.push_back({read_symbol(in.prefix + key, source).symbol, {}, {}, source, &in});
                    });
}

void Expander::add_state(Instance& in, const std::string& key, const Source& source, const StateDecl::Start& start, Scope scope) {
  Owner owner{in.prefix + key + ".init", key + ".init"};
  scope.owner = &owner;
  const auto along = axis(start.along, in, start.source.known() ? start.source : source);
  const SymbolId value = read_symbol(in.prefix + key, source).symbol;
  const auto add = [&](const ExpressionPtr& tree, StateRef::Side side) {
    if (tree) states_.push_back({value, along.value_or(AxisUse{}), lower(*tree, scope), source, &in, side});
  };
  add(start.init, StateRef::Side::kBoth);
  add(start.before, StateRef::Side::kBefore);
  add(start.after, StateRef::Side::kAfter);
}

}  // namespace tapeloop::expanding
