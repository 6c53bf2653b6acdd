// Ops that read one axis along another, which follows from it: pool, window, upsample, reverse, slice and concat along an axis.
#include <algorithm>
#include <limits>

#include "compiler/passes/expander.h"

namespace tapeloop::expanding {
namespace {

std::int32_t whole(const Attributes& options, std::string_view name) { return static_cast<std::int32_t>(number_of(options, name, 0)); }

SlotDerivation rule(Derivation::Rule rule, std::vector<AxisUse> from) {
  SlotDerivation made;
  made.rule.rule = rule;
  made.from = std::move(from);
  return made;
}

}  // namespace

Expander::Resample Expander::resampling(std::string_view op) {
  static const std::map<std::string_view, Resample> kOps = {
      {"pool", &Expander::pool},       {"window", &Expander::window},           {"upsample", &Expander::upsample},
      {"reverse", &Expander::reverse}, {"slice_along", &Expander::slice_along}, {"concat_along", &Expander::concat_along},
  };
  const auto at = kOps.find(op);
  return at == kOps.end() ? nullptr : at->second;
}

Read Expander::resample(Call& call, const NodeKind& kind, std::vector<Read> reads, Resample make) {
  if (!right_count(call, kind, reads.size())) return {};
  for (const Read& read : reads) {
    if (read.bad()) return {};
  }
  return (this->*make)(call, kind, std::move(reads));
}

// Whole numbers that are sizes, or that count positions of a slice from either end.
std::optional<Attributes> Expander::resampling_options(Call& call, const NodeKind& kind) {
  auto found = attributes(call, kind);
  if (!found) return std::nullopt;
  for (const OptionSpec& option : kind.options) {
    const double value = number_of(*found, option.name, 1);
    const bool counts = option.name == "start" || option.name == "stop";
    const double least = counts ? std::numeric_limits<std::int32_t>::min() : option.otherwise == AttributeValue(0.0) ? 0 : 1;
    if (value >= least && value <= std::numeric_limits<std::int32_t>::max()) continue;
    diagnostics_.error("E0305", source_in(call.scope, call.tree->source),
                       "'" + call.op + "': " + std::string(option.name) + " is " + std::to_string(std::llround(value)) +
                           ": expected a whole number of positions, 1 or more",
                       "it is written " + std::string(kind.usage));
    return std::nullopt;
  }
  return found;
}

// The axis that the op goes along: along=, else the innermost one of what it reads.
std::optional<AxisUse> Expander::source_axis(Call& call, const Read& read) {
  bool wrong = false;
  const auto place = along(call.options, call.scope, wrong);
  if (wrong) return std::nullopt;
  if (!place) return innermost(call, read);
  if (!place->shape) return place->axis;
  diagnostics_.error("E0407", source_in(call.scope, call.tree->source), "'" + call.op + "' goes along an axis, not along the shape");
  return std::nullopt;
}

std::optional<AxisUse> Expander::innermost(Call& call, const Read& read) {
  Slot slot;
  slot.name = call.scope.owner->name + "." + call.op;
  slot.source = source_in(call.scope, call.tree->source);
  slot.is_bound = true;
  slot.feeds = {read};
  slot.user = call.scope.in;
  slots_.push_back(std::move(slot));
  return AxisUse{static_cast<SlotId>(slots_.size()) - 1, 1};
}

// to=: the axis that the result lies on.
std::optional<AxisUse> Expander::target_axis(Call& call, bool& wrong) {
  const auto at = std::find_if(call.options.begin(), call.options.end(), [](const auto& option) { return option.first == "to"; });
  if (at == call.options.end()) return std::nullopt;
  const auto name = word(*at->second, call.scope);
  const Source source = source_in(call.scope, at->second->source);
  call.options.erase(at);
  const auto found = name ? axis(*name, *call.scope.in, source) : std::nullopt;
  wrong = !found;
  return found;
}

// An axis that follows from others; one that is derived alike already is the same.
AxisUse Expander::derive(SlotDerivation derivation, const std::string& name, const Source& source, bool declared) {
  Slot own;
  own.name = name;
  own.source = source;
  own.used = true;
  own.candidate = true;
  derivation.own = static_cast<SlotId>(slots_.size());
  slots_.push_back(std::move(own));
  Slot slot;
  slot.name = name;
  slot.source = source;
  slot.is_bound = true;
  slot.declared = declared;
  slot.derivation = std::move(derivation);
  slots_.push_back(std::move(slot));
  return {static_cast<SlotId>(slots_.size()) - 1, 1};
}

Read Expander::remap(Call& call, const Read& read, AxisUse from, PendingRemap places, const std::string* name) {
  Made made{"remap", {read}};
  made.axis = from;
  made.remap = std::move(places);
  return make(std::move(made), call.scope, call.tree->source, name);
}

// Windows as an axis of their own, and within it the positions of each; those are reduced.
Read Expander::pool(Call& call, const NodeKind& kind, std::vector<Read> reads) {
  const auto from = source_axis(call, reads[0]);
  if (!from) return {};
  const auto options = resampling_options(call, kind);
  if (!options) return {};
  const std::int32_t size = whole(*options, "size");
  const std::int32_t stride = whole(*options, "stride") == 0 ? size : whole(*options, "stride");
  const Source source = source_in(call.scope, call.tree->source);
  SlotDerivation windows = rule(Derivation::Rule::kStride, {*from});
  windows.rule.step = stride;
  const AxisUse each = stride == 1 ? *from : derive(std::move(windows), "", source, false);
  SlotDerivation positions = rule(Derivation::Rule::kWindow, {*from});
  positions.rule.step = stride;
  positions.rule.size = size;
  positions.within = each.slot;
  const AxisUse within = derive(std::move(positions), "", source, false);
  const Read windowed = remap(call, reads[0], *from, {{{each, stride}, {within, 1}}}, nullptr);
  Call reduction{word_of(*options, "how", "max"), call.tree, {}, call.scope, call.name};
  return reduce(reduction, {windowed}, {false, within});
}

// One read for each position of a window, side by side in a new first dimension.
Read Expander::window(Call& call, const NodeKind& kind, std::vector<Read> reads) {
  const auto from = source_axis(call, reads[0]);
  if (!from) return {};
  const auto options = resampling_options(call, kind);
  if (!options) return {};
  const std::int32_t stride = whole(*options, "stride");
  SlotDerivation windows = rule(Derivation::Rule::kStride, {*from});
  windows.rule.step = stride;
  const AxisUse each = stride == 1 ? *from : derive(std::move(windows), "", source_in(call.scope, call.tree->source), false);
  std::vector<Read> parts;
  for (std::int32_t k = 0; k < whole(*options, "size"); ++k) parts.push_back(remap(call, reads[0], *from, {{{each, stride}}, k}, nullptr));
  return make({"stack", std::move(parts)}, call.scope, call.tree->source, call.name);
}

Read Expander::upsample(Call& call, const NodeKind& kind, std::vector<Read> reads) {
  const auto from = source_axis(call, reads[0]);
  bool wrong = !from;
  auto to = from ? target_axis(call, wrong) : std::nullopt;
  const auto options = wrong ? std::nullopt : resampling_options(call, kind);
  if (!options) return {};
  const std::int32_t times = whole(*options, "times");
  SlotDerivation repeated = rule(Derivation::Rule::kRepeat, {*from});
  repeated.rule.step = times;
  if (!to) to = derive(std::move(repeated), "", source_in(call.scope, call.tree->source), false);
  return remap(call, reads[0], *from, {{{*to, 1}}, 0, times}, call.name);
}

Read Expander::reverse(Call& call, const NodeKind&, std::vector<Read> reads) {
  const auto from = source_axis(call, reads[0]);
  if (!from || !no_options(call)) return {};
  return remap(call, reads[0], *from, {{{{from->slot, -from->sign}, 1}}}, call.name);
}

Read Expander::slice_along(Call& call, const NodeKind& kind, std::vector<Read> reads) {
  const bool has_stop = std::any_of(call.options.begin(), call.options.end(), [](const auto& option) { return option.first == "stop"; });
  const auto from = source_axis(call, reads[0]);
  const auto options = from ? resampling_options(call, kind) : std::nullopt;
  if (!options) return {};
  SlotDerivation part = rule(Derivation::Rule::kSlice, {*from});
  part.rule.first = whole(*options, "start");
  part.rule.end = whole(*options, "stop");
  part.rule.to_end = !has_stop;
  const std::int32_t first = part.rule.first;
  const AxisUse to = derive(std::move(part), "", source_in(call.scope, call.tree->source), false);
  return remap(call, reads[0], *from, {{{to, 1}}, first}, call.name);
}

// along=t: the axis of all operands; along=[t, s]: of each its own.
std::optional<std::vector<AxisUse>> Expander::joined_axes(Call& call, std::size_t operands) {
  const auto at = std::find_if(call.options.begin(), call.options.end(), [](const auto& option) { return option.first == "along"; });
  const ExpressionPtr tree = at->second;
  call.options.erase(at);
  std::vector<ExpressionPtr> names(operands, tree);
  if (tree->kind == Expression::Kind::kList) names = tree->args;
  if (names.size() != operands) {
    diagnostics_.error("E0407", source_in(call.scope, tree->source),
                       "along= names " + std::to_string(names.size()) + " axes for " + std::to_string(operands) + " operands",
                       "one for all, or one for each: concat(a, b, along=[t, s])");
    return std::nullopt;
  }
  std::vector<AxisUse> axes;
  for (const ExpressionPtr& name : names) {
    Options one = {{"along", name}};
    bool wrong = false;
    const auto place = along(one, call.scope, wrong);
    if (!place || place->shape) {
      if (!wrong) diagnostics_.error("E0407", source_in(call.scope, tree->source), "along=shape joins vectors without along=");
      return std::nullopt;
    }
    axes.push_back(place->axis);
  }
  return axes;
}

// Each operand in its place on the joined axis, and zeros elsewhere: their sum.
Read Expander::concat_along(Call& call, const NodeKind&, std::vector<Read> reads) {
  const auto axes = joined_axes(call, reads.size());
  if (!axes || !no_options(call)) return {};
  const AxisUse to = derive(rule(Derivation::Rule::kJoin, *axes), "", source_in(call.scope, call.tree->source), false);
  std::vector<Read> parts;
  for (std::size_t k = 0; k < reads.size(); ++k) {
    PendingRemap places{{{to, 1}}};
    places.after.assign(axes->begin(), axes->begin() + static_cast<std::ptrdiff_t>(k));
    parts.push_back(remap(call, reads[k], (*axes)[k], std::move(places), nullptr));
  }
  return join("sum", std::move(parts), call, call.name);
}

// p: {derived: t, stride: 4} in axes:.
void Expander::derive_declared(Instance& in, const std::string& key, const DerivedDecl& decl, const Scope& scope) {
  SlotDerivation made;
  for (const std::string& name : decl.from) {
    const auto use = axis(name, in, decl.source);
    if (!use) return;
    made.from.push_back(*use);
  }
  bool wrong = false;
  const auto take = [&](const ExpressionPtr& tree, std::int64_t least, std::int32_t& to) {
    const auto found = tree ? whole_number(*tree, scope) : std::optional<std::int64_t>(to);
    const bool fits = found && *found >= least && *found <= std::numeric_limits<std::int32_t>::max();
    if (found && !fits) diagnostics_.error("E0414", tree->source, "axis '" + key + "': expected a whole number of positions, 1 or more");
    wrong = wrong || !fits;
    if (fits) to = static_cast<std::int32_t>(*found);
  };
  Derivation& rule = made.rule;
  rule.rule = decl.stride               ? Derivation::Rule::kStride
              : decl.times              ? Derivation::Rule::kRepeat
              : decl.start || decl.stop ? Derivation::Rule::kSlice
                                        : Derivation::Rule::kJoin;
  take(decl.stride ? decl.stride : decl.times, 1, rule.step);
  take(decl.start, std::numeric_limits<std::int32_t>::min(), rule.first);
  take(decl.stop, std::numeric_limits<std::int32_t>::min(), rule.end);
  rule.to_end = !decl.stop;
  if (!wrong) in.axes.emplace_back(key, derive(std::move(made), in.prefix + key, decl.source, !in.is_inner()));
}

Remap Expander::remap_of(const PendingNode& node) const {
  const auto id = [&](AxisUse use) { return slots_[static_cast<std::size_t>(resolved(use).slot)].id; };
  Remap remap;
  remap.from = id(node.axis);
  remap.backwards = resolved(node.axis).sign < 0;
  remap.first = node.remap.first;
  remap.divide = node.remap.divide;
  for (const PendingRemap::Step& step : node.remap.steps) {
    remap.steps.push_back({id(step.axis), step.times, resolved(step.axis).sign < 0});
  }
  for (const AxisUse& use : node.remap.after) remap.after.push_back(id(use));
  return remap;
}

void Expander::finish_derived_axes() {
  for (const Slot& slot : slots_) {
    if (!slot.derivation || slot.target.slot == kNone) continue;
    Derivation& made = graph_.axes[static_cast<std::size_t>(slots_[static_cast<std::size_t>(slot.target.slot)].id)].derivation;
    made = slot.derivation->rule;
    const SlotId around = resolved({slot.derivation->within, 1}).slot;
    made.backwards = around != kNone && around == resolved(slot.derivation->from[0]).slot && resolved(slot.derivation->from[0]).sign < 0;
    for (const AxisUse& from : slot.derivation->from) made.from.push_back(slots_[static_cast<std::size_t>(resolved(from).slot)].id);
  }
}

}  // namespace tapeloop::expanding
