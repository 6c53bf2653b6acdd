// Equations to nodes: names with taps, numbers, calls; and the making of nodes.
#include <algorithm>
#include <limits>

#include "compiler/passes/expander.h"

namespace tapeloop::expanding {
namespace {

constexpr std::size_t kMostNodes = 25'000;  // compiled within three seconds, in 300 MB

}  // namespace

Read Expander::lower(const Expression& tree, Scope& scope, const std::string* name) {
  switch (tree.kind) {
    case Expression::Kind::kNumber:
      return constant(tree.number, scope, tree.source, name);
    case Expression::Kind::kName:
      return lower_name(tree, scope, name);
    case Expression::Kind::kList: {
      const auto value = value_of(tree, scope);
      return value ? lower_value(*value, tree, scope, name) : Read{};
    }
    case Expression::Kind::kCall:
      return lower_call(tree, scope, name);
    case Expression::Kind::kSeries:
      break;
  }
  diagnostics_.error("E0209", source_in(scope, tree.source), "a series stands only between the parentheses of a call",
                     "write sum(E for i in 1..n)");
  return {};
}

// An option or an index of that name comes first, then values of the container.
Read Expander::lower_name(const Expression& tree, Scope& scope, const std::string* name) {
  const auto text = fill(tree.text, scope, tree.source);
  if (!text) return {};
  const Value* value = tree.taps.empty() ? find_value(scope, *text) : nullptr;
  if (value) return lower_value(*value, tree, scope, name);
  if (text->empty() || std::isdigit(static_cast<unsigned char>((*text)[0]))) {
    const auto found = number(tree, scope);
    return found ? constant(*found, scope, tree.source, name) : Read{};
  }
  if (*text == "inf" && tree.taps.empty()) return constant(std::numeric_limits<double>::infinity(), scope, tree.source, name);
  auto split = name_and_taps(tree, *text, scope);
  if (!split) return {};
  Read read;
  if (scope.frame) {
    const auto operand = scope.frame->operands.find(split->first);
    if (operand == scope.frame->operands.end()) return {};
    read = operand->second;
    read.taps.insert(read.taps.end(), split->second.begin(), split->second.end());
    return read;
  }
  read = read_symbol(scope.in->prefix + split->first, tree.source);
  read.taps = std::move(split->second);
  return read;
}

// "h_tm1" is h, one step back on t; h[u-1] says the axis. Offsets of 0 are no taps.
std::optional<std::pair<std::string, std::vector<Tap>>> Expander::name_and_taps(const Expression& tree, const std::string& text,
                                                                                const Scope& scope) {
  const Source source = source_in(scope, tree.source);
  std::pair<std::string, std::vector<Tap>> result{text, {}};
  std::vector<std::pair<std::string, std::int64_t>> offsets;
  if (const auto suffix = split_tap(text)) {
    result.first = suffix->name;
    offsets.emplace_back("t", suffix->offset);
  }
  for (const TapText& tap : tree.taps) {
    const auto name = fill(tap.axis, scope, tap.source);
    const auto offset = tap.sign != 0 && tap.offset ? whole_number(*tap.offset, scope) : std::optional<std::int64_t>(0);
    if (!name || !offset) return std::nullopt;
    if (*offset > std::numeric_limits<std::int32_t>::max() || *offset < std::numeric_limits<std::int32_t>::min()) {
      diagnostics_.error("E0310", source, "a tap of " + std::to_string(*offset) + " positions is too far");
      return std::nullopt;
    }
    std::erase_if(offsets, [&](const auto& other) { return other.first == *name; });
    offsets.emplace_back(*name, tap.sign * *offset);
  }
  for (const auto& [name, offset] : offsets) {
    const auto use = axis(name, *scope.in, source);
    if (!use) return std::nullopt;
    if (offset != 0) result.second.push_back({*use, Move::From::kHere, static_cast<std::int32_t>(offset)});
  }
  return result;
}

Read Expander::lower_value(const Value& value, const Expression& tree, Scope& scope, const std::string* name) {
  if (const double* number = std::get_if<double>(&value)) return constant(*number, scope, tree.source, name);
  const auto* numbers = std::get_if<std::vector<double>>(&value);
  if (!numbers || numbers->empty()) {
    diagnostics_.error("E0318", source_in(scope, tree.source),
                       "'" + to_text(tree) + "' is " + (numbers ? "an empty list" : "a word") + ": it has no value here");
    return {};
  }
  std::vector<Read> parts;
  for (const double number : *numbers) {
    parts.push_back(constant(number, scope, tree.source));
    graph_[parts.back().node].shape = {Dim(1)};
  }
  return make({"concat", std::move(parts)}, scope, tree.source, name);
}

std::vector<Argument> Expander::arguments(const Expression& call, const Scope& scope) {
  std::vector<Argument> found;
  for (const ExpressionPtr& arg : call.args) {
    if (arg && arg->kind == Expression::Kind::kSeries) {
      const std::size_t before = found.size();
      for_each(arg->ranges, 0, scope, [&](const Scope& inner) { found.push_back({arg->args[0], inner}); });
      if (found.size() == before) found.push_back({nullptr, scope});  // its range is wrong, and that is reported
    } else {
      found.push_back({arg, scope});
    }
  }
  return found;
}

std::vector<Read> Expander::lower_arguments(const std::vector<Argument>& arguments) {
  std::vector<Read> reads;
  for (const Argument& argument : arguments) {
    Scope scope = argument.scope;
    reads.push_back(argument.tree ? lower(*argument.tree, scope) : Read{});
  }
  return reads;
}

Read Expander::lower_call(const Expression& tree, Scope& scope, const std::string* name) {
  auto op = fill(tree.text, scope, tree.source);
  if (!op) return {};
  const Value* value = find_value(scope, *op);  // activation(x), where activation is an option
  if (value && std::holds_alternative<std::string>(*value)) op = std::get<std::string>(*value);
  Call call{*op, &tree, tree.options, scope, name};
  std::vector<Argument> args = arguments(tree, scope);
  if (*op == "linear") return lower_linear(call, args);
  if (*op == "index" || *op == "length") return position(call, args);
  const NodeKind* kind = registry_.find(*op);
  if (kind && (may_be_called(*kind) || scope.frame)) {
    if (!place_named(call, *kind, args)) return {};
    place_options(call, *kind, args);
    return apply(call, lower_arguments(args));
  }
  const Loaded& inner = find_container(*op, *scope.in);
  if (inner.container) return lower_instance(call, inner.container, args);
  lower_arguments(args);  // what is wrong inside is reported as well
  const auto used = scope.in->use.find(*op);
  if (inner.reported || (used != scope.in->use.end() && used->second.empty())) return {};  // what use: says is refused already
  diagnostics_.error(
      "E0302", source_in(scope, tree.source),
      "unknown op '" + *op + "'" +
          did_you_mean(*op, diagnostics_.errors() < kMostSuggestions ? callable_names(*scope.in) : std::vector<std::string>()),
      "an op is a kind of node, a name in use:, a file beside this one, or a built-in cell");
  return {};
}

std::optional<AxisUse> Expander::axis(const std::string& name, const Instance& in, const Source& source) {
  std::vector<std::string> names;
  for (const auto& [known, use] : in.axes) {
    if (known == name) {
      slots_[static_cast<std::size_t>(use.slot)].used = true;
      return use;
    }
    names.push_back(known);
  }
  std::string all;
  for (const std::string& known : names) all += (all.empty() ? "" : ", ") + known;
  diagnostics_.error("E0401", source, "unknown axis '" + name + "'" + did_you_mean(name, names),
                     "the axes here are " + all + "; declare others in axes:");
  return std::nullopt;
}

// Takes along= out of the options: along=t, along=-t (t read backwards), along=shape.
std::optional<Along> Expander::along(Options& options, const Scope& scope, bool& wrong) {
  const auto at = std::find_if(options.begin(), options.end(), [](const auto& option) { return option.first == "along"; });
  if (at == options.end()) return std::nullopt;
  const ExpressionPtr tree = at->second;
  options.erase(at);
  const bool reversed = tree->kind == Expression::Kind::kCall && tree->text == "neg" && tree->args.size() == 1;
  const Expression& named = reversed ? *tree->args[0] : *tree;
  if (named.kind == Expression::Kind::kName && named.taps.empty()) {
    if (scope.frame) {
      const auto option = scope.frame->options.find(named.text);
      if (option != scope.frame->options.end() && !option->second) return std::nullopt;  // left out: as if it were not here
    }
    const auto text = fill(named.text, scope, named.source);
    const Value* value = text ? find_value(scope, *text) : nullptr;
    if (const Along* place = value ? std::get_if<Along>(value) : nullptr) {
      return Along{place->shape, {place->axis.slot, reversed ? -place->axis.sign : place->axis.sign}};
    }
    const std::string* word = value ? std::get_if<std::string>(value) : text ? &*text : nullptr;
    if (word && *word == "shape" && !reversed) return Along{true, {}};
    if (value && !word) {
      diagnostics_.error("E0407", source_in(scope, tree->source),
                         "along= takes an axis or shape, '" + *text + "' is an option that holds none");
    }
    const auto use = word ? axis(*word, *scope.in, source_in(scope, tree->source)) : std::nullopt;
    wrong = !use;
    return use ? std::optional(Along{false, {use->slot, reversed ? -use->sign : use->sign}}) : std::nullopt;
  }
  diagnostics_.error("E0407", source_in(scope, tree->source), "along= takes an axis or shape, found '" + to_text(*tree) + "'");
  wrong = true;
  return std::nullopt;
}

// Anything made of something wrong is wrong, and reported already.
Read Expander::make(Made made, Scope& scope, const Source& source, const std::string* name) {
  for (const Read& read : made.reads) {
    if (read.bad()) return {};
  }
  Node node;
  node.kind = &registry_.at(made.kind);
  node.attributes = std::move(made.attributes);
  node.value = made.value;
  node.source = source_in(scope, source);
  PendingNode pending;
  pending.reads = std::move(made.reads);
  pending.axis = made.axis;
  pending.moves = std::move(made.moves);
  pending.remap = std::move(made.remap);
  pending.in = scope.in;
  const Source at = node.source;
  if (name) {
    const NodeId id = add_named(std::move(node), std::move(pending), *name);
    return {intern(*name), id, {}, at};
  }
  node.is_part = true;
  const bool draw = node.kind->role == Role::kDraw;
  node.name = scope.owner->name + (draw ? "#draw" + std::to_string(++scope.owner->draws) : "#" + std::to_string(++scope.owner->parts));
  return {kNone, add(std::move(node), std::move(pending)), {}, at};
}

Read Expander::constant(double value, Scope& scope, const Source& source, const std::string* name) {
  Made made{"constant", {}};
  made.value = value;
  return make(std::move(made), scope, source, name);
}

NodeId Expander::add(Node node, PendingNode pending) {
  if (graph_.nodes.size() == kMostNodes) {
    diagnostics_.error("E0316", node.source, "a model of more than " + std::to_string(kMostNodes) + " nodes",
                       "are the ranges of its for blocks right?");
    throw TooLarge();
  }
  pending_.push_back(std::move(pending));
  return graph_.add(std::move(node));
}

NodeId Expander::add_named(Node node, PendingNode pending, const std::string& name) {
  const Source source = node.source;
  node.name = name;
  const NodeId id = add(std::move(node), std::move(pending));
  Symbol& named = symbol(intern(name));
  named.node = id;
  named.defined = true;
  named.source = source;
  take(name);
  return id;
}

SymbolId Expander::intern(const std::string& name) {
  const auto [at, is_new] = symbol_ids_.emplace(name, static_cast<SymbolId>(symbols_.size()));
  if (is_new) symbols_.push_back({name, kNone, kNone, false, {}});
  return at->second;
}

void Expander::take(const std::string& name) {
  for (std::size_t end = name.size(); end != std::string::npos && end > 0; end = name.rfind('.', end - 1)) {
    if (!taken_.insert(name.substr(0, end)).second) return;  // then so are those before it
  }
}

// The name, or name2, name3 ... if it is taken; taken from now on.
std::string Expander::free_name(const std::string& name) {
  std::string found = name;
  for (int& k = next_free_[name]; taken_.contains(found);) {
    k = std::max(k + 1, 2);
    found = name + std::to_string(k);
  }
  take(found);
  return found;
}

}  // namespace tapeloop::expanding
