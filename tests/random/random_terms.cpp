#include "tests/random/random_terms.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace tapeloop {
namespace {

bool nested(AxisSet a, AxisSet b) { return (a & ~b) == 0 || (b & ~a) == 0; }

}  // namespace

int RandomTerms::offset() { return dice_.chance(0.6) ? 1 : dice_.between(1, kLongestTap); }

// How a member of the group may be read from another: carried by one axis of the nest. Nothing if no axis can.
std::optional<std::vector<Tap>> RandomTerms::carried(const Group& group, const RandomValue& of) {
  std::vector<std::size_t> levels;
  for (std::size_t k = 0; k < group.nest.size(); ++k) {
    if (out_.has(of.axes, group.nest[k].axis)) levels.push_back(k);
  }
  if (of.is_end) levels.resize(std::min<std::size_t>(levels.size(), 1));
  if (levels.empty()) return std::nullopt;
  const std::size_t level = dice_.pick(levels);
  std::vector<Tap> taps = {{group.nest[level].axis, -group.nest[level].past * offset()}};
  for (std::size_t k = level + 1; k < group.nest.size(); ++k) {
    if (out_.has(of.axes, group.nest[k].axis) && dice_.chance(0.25))
      taps.push_back({group.nest[k].axis, dice_.chance(0.5) ? offset() : -offset()});
  }
  return taps;
}

std::vector<Tap> RandomTerms::any_taps(AxisSet axes) {
  std::vector<Tap> taps;
  for (const int axis : out_.axes_of(axes)) {
    if (dice_.chance(0.2)) taps.push_back({axis, dice_.chance(0.6) ? -offset() : offset()});
  }
  return taps;
}

// A read of a value on `axes` or fewer (`all`: just these), of a width in [least, most].
std::optional<Read> RandomTerms::read(const Place& place, AxisSet axes, bool all, int least, int most, bool anchored) {
  std::vector<std::size_t> candidates;
  for (std::size_t k = 0; k < out_.values.size(); ++k) {
    const RandomValue& v = out_.values[k];
    if ((v.axes & ~axes) != 0 || (all && v.axes != axes) || v.width < least || v.width > most) continue;
    const bool inside = v.group == place.group->number;
    if (anchored && inside && v.index >= place.index) continue;
    candidates.push_back(k);
    if (inside) candidates.insert(candidates.end(), 2, k);  // recurrences are what this is about
  }
  if (candidates.empty()) return std::nullopt;
  Read found{dice_.pick(candidates), {}};
  RandomValue& v = value(found.value);
  if (v.group != place.group->number) {
    found.taps = any_taps(v.axes);
  } else if (v.is_end || v.index >= place.index || dice_.chance(0.5)) {
    const auto taps = carried(*place.group, v);
    if (!taps && (v.is_end || v.index >= place.index)) return std::nullopt;
    if (taps) found.taps = *taps;
  }
  v.used = true;
  return found;
}

std::string RandomTerms::text(const Read& read) {
  const std::string& name = value(read.value).name;
  if (read.taps.empty()) return name;
  if (read.taps.size() == 1 && read.taps[0].axis == 0 && dice_.chance(0.7)) {
    return fmt::format("{}_t{}{}", name, read.taps[0].offset < 0 ? "m" : "p", std::abs(read.taps[0].offset));
  }
  std::vector<std::string> at;
  for (const Tap& tap : read.taps) at.push_back(fmt::format("{}{:+}", axis_name(tap.axis), tap.offset));
  return fmt::format("{}[{}]", name, fmt::join(at, ", "));
}

std::string RandomTerms::label(const Read& read) {
  std::string name = value(read.value).name;
  for (const Tap& tap : read.taps) name += fmt::format("_{}{}{}", axis_name(tap.axis), tap.offset < 0 ? "m" : "p", std::abs(tap.offset));
  return name;
}

// Made as wide as the place: as it is, stretched, or through a weight.
Term RandomTerms::fitted(const Read& read, int width, bool exact) {
  const int from = value(read.value).width;
  const AxisSet axes = value(read.value).axes;
  if (from == width || (!exact && (from == 0 || (from == 1 && width > 0)))) return {text(read), axes};
  if (from == 0) return {fmt::format("{} * {}", text(read), out_.parameter({width}, 1)), axes};
  std::vector<std::int64_t> dims = {from};
  if (width > 0) dims.push_back(width);
  const std::string bias = width > 0 && out_.dice.chance(0.3) ? " + " + out_.parameter({width}, 0.2) : "";
  return {fmt::format("({} @ {}{})", text(read), out_.parameter(dims, 1.0 / from), bias), axes};
}

// On all axes of the place and exactly as wide, from values whose shape is known already.
Term RandomTerms::anchor(const Place& place) {
  auto found = read(place, place.axes, true, 0, kWidest, true);
  while (!found) {
    out_.input(place.axes, dice_.between(0, kWidest));
    found = read(place, place.axes, true, 0, kWidest, true);
  }
  return fitted(*found, place.width, true);
}

Term RandomTerms::number() { return {fmt::format("{:.2f}", dice_.unit()), 0}; }

Term RandomTerms::plain(const Place& place) {
  const auto found = read(place, place.axes, false);
  return found ? fitted(*found, place.width, false) : number();
}

// Two terms of which one has all axes of the other.
Term RandomTerms::pair(const Place& place, const std::string& format) {
  const Term a = plain(place);
  Term b = plain(place);
  if (!nested(a.axes, b.axes)) b = number();
  return {fmt::format(fmt::runtime(format), a.text, b.text), a.axes | b.axes};
}

Term RandomTerms::function(const Place& place) {
  const Term of = plain(place);
  static const std::vector<std::string> kNames = {"tanh", "sigmoid", "relu", "abs", "-"};
  return {fmt::format("{}({})", dice_.pick(kNames), of.text), of.axes};
}

std::optional<RandomTerms::Along> RandomTerms::along(const Place& place) {
  std::vector<Along> found;
  for (int axis = 0; axis < static_cast<int>(out_.axes.size()); ++axis) {
    Along here{axis, {}};
    for (std::size_t k = 0; k < out_.values.size(); ++k) {
      const RandomValue& v = out_.values[k];
      const bool fits = out_.has(v.axes, axis) && !out_.has(place.axes, axis) && (v.axes & ~(1U << axis) & ~place.axes) == 0;
      if (fits && v.group != place.group->number && out_.innermost(v.axes, axis)) here.values.push_back(k);
    }
    if (!here.values.empty()) found.push_back(here);
  }
  if (found.empty()) return std::nullopt;
  return dice_.pick(found);
}

Read RandomTerms::of(std::size_t k) {
  value(k).used = true;
  return {k, {}};
}

Term RandomTerms::reduction(const Place& place) {
  const auto found = along(place);
  if (!found) return plain(place);
  Read read = of(dice_.pick(found->values));
  const AxisSet left = value(read.value).axes & ~(1U << found->axis);
  if (dice_.chance(0.15)) read.taps = any_taps(value(read.value).axes);
  const Term term = reduced(read, found->axis, place.width);
  return {term.text, left};
}

Term RandomTerms::reduced(const Read& read, int axis, int width) {
  static const std::vector<std::string> kReductions = {"last", "last", "first", "mean", "max", "min", "0.05 * sum"};
  const int from = value(read.value).width;
  const std::string text = fmt::format("{}({}, along={})", dice_.pick(kReductions), this->text(read), axis_name(axis));
  if (from == width || from == 0) return {text, 0};
  std::vector<std::int64_t> dims = {from};
  if (width > 0) dims.push_back(width);
  return {fmt::format("(({}) @ {})", text, out_.parameter(dims, 1.0 / from)), 0};
}

// attend(query * key, value, along=s), the query from anywhere.
Term RandomTerms::attention(const Place& place) {
  const auto found = along(place);
  if (!found) return plain(place);
  std::vector<std::size_t> fitting;
  for (const std::size_t k : found->values) {
    if (value(k).width == 0 || value(k).width == place.width) fitting.push_back(k);
  }
  const auto query = read(place, place.axes, false, 0, 0);
  if (fitting.empty() || !query) return plain(place);
  const Read key = of(dice_.pick(fitting)), values = of(dice_.pick(fitting));
  if (!nested(value(query->value).axes, value(key.value).axes & ~(1U << found->axis))) return plain(place);
  const AxisSet axes = (value(query->value).axes | value(key.value).axes | value(values.value).axes) & ~(1U << found->axis);
  const std::string axis = axis_name(found->axis);
  const std::string product = fmt::format("{} * {}", text(*query), text(key));
  if (dice_.chance(0.4) || !nested(value(values.value).axes, axes | (1U << found->axis))) {
    return {fmt::format("0.05 * sum({}, along={})", product, axis), axes};
  }
  return {fmt::format("attend({}, {}, along={})", product, text(values), axis), axes};
}

Term RandomTerms::position(const Place& place) {
  std::vector<std::string> found;
  std::vector<AxisSet> on;
  for (int axis = 0; axis < static_cast<int>(out_.axes.size()); ++axis) {
    const AxisSet outer = out_.closure(axis) & ~(1U << axis);
    if (out_.has(place.axes, axis)) {
      found.push_back(fmt::format("0.05 * index({})", axis_name(axis)));
      on.push_back(outer | (1U << axis));
    }
    if ((outer & ~place.axes) == 0) {
      found.push_back(fmt::format("0.05 * length({})", axis_name(axis)));
      on.push_back(outer);
    }
  }
  const auto k = static_cast<std::size_t>(dice_.below(static_cast<int>(found.size())));
  return {found[k], on[k]};
}

// softmax along an axis that the place has, of an earlier group's value.
Term RandomTerms::weighted(const Place& place) {
  std::vector<std::size_t> found;
  for (std::size_t k = 0; k < out_.values.size(); ++k) {
    const RandomValue& v = out_.values[k];
    if (v.axes != 0 && (v.axes & ~place.axes) == 0 && v.group != place.group->number && (v.width == 0 || v.width == place.width))
      found.push_back(k);
  }
  if (found.empty()) return plain(place);
  const Read read = of(dice_.pick(found));
  std::vector<int> axes;
  for (const int axis : out_.axes_of(value(read.value).axes)) {
    if (out_.innermost(value(read.value).axes, axis)) axes.push_back(axis);
  }
  return {fmt::format("softmax({}, along={})", text(read), axis_name(dice_.pick(axes))), value(read.value).axes};
}

// Parts of vectors put side by side.
Term RandomTerms::joined(const Place& place) {
  if (place.width < 2) return plain(place);
  const int left = dice_.between(1, place.width - 1);
  const auto a = read(place, place.axes, false, left, left, true), b = read(place, place.axes, false, place.width - left, kWidest, true);
  if (!a || !b || !nested(value(a->value).axes, value(b->value).axes)) return plain(place);
  const int extra = value(b->value).width - (place.width - left);
  const std::string part = extra == 0 ? text(*b) : fmt::format("slice({}, start={}, stop={})", text(*b), extra, value(b->value).width);
  return {fmt::format("concat({}, {})", text(*a), part), value(a->value).axes | value(b->value).axes};
}

// An op that makes the derived axis `to` of what it comes from.
std::string RandomTerms::along_derived(const RandomAxis& to, const std::string& of) {
  const std::string from = axis_name(to.from);
  const Derivation& rule = to.rule;
  switch (rule.rule) {
    case Derivation::Rule::kStride: {
      static const std::vector<std::string> kHow = {"max", "mean", "min", "sum"};
      const std::string& how = dice_.pick(kHow);
      const int size = dice_.chance(0.6) ? rule.step : dice_.between(1, rule.step + 2);
      return fmt::format("{}pool({}, {}, stride={}, how={}, along={})", how == "sum" ? "0.2 * " : "", of, size, rule.step, how, from);
    }
    case Derivation::Rule::kRepeat:
      return fmt::format("upsample({}, {}, along={})", of, rule.step, from);
    case Derivation::Rule::kSlice:
      return fmt::format("slice({}, start={}, stop={}, along={})", of, rule.first, rule.end, from);
    default:
      return fmt::format("concat({0}, 0.5 * {0}, along={1})", of, from);
  }
}

// A value of an earlier group on an axis that this one is derived from or that is derived from it, or turned round on its own.
Term RandomTerms::resampled(const Place& place) {
  std::vector<std::pair<std::size_t, Term>> found;
  const int last = static_cast<int>(out_.axes.size()) - 1;
  const RandomAxis& derived = out_.axes.back();
  for (std::size_t k = 0; k < out_.values.size(); ++k) {
    const RandomValue& v = out_.values[k];
    const auto turns = [&](int from, int to, const std::string& text) {
      const AxisSet axes = (v.axes & ~(1U << from)) | (1U << to);
      if (!out_.has(v.axes, from) || (axes & ~place.axes) != 0 || !out_.innermost(v.axes, from)) return;
      found.emplace_back(k, Term{text, axes});
    };
    if (v.group == place.group->number || !v.on_batch || (v.width != 0 && v.width != place.width)) continue;
    for (const int axis : out_.axes_of(v.axes)) turns(axis, axis, fmt::format("reverse({}, along={})", v.name, axis_name(axis)));
    for (const int axis : out_.axes_of(v.axes)) turns(axis, axis, fmt::format("pool({}, 2, stride=1, along={})", v.name, axis_name(axis)));
    if (derived.from < 0) continue;
    if (!out_.has(v.axes, last)) turns(derived.from, last, along_derived(derived, v.name));
    if (derived.rule.rule == Derivation::Rule::kStride && !out_.has(v.axes, derived.from)) {
      turns(last, derived.from,
            fmt::format("upsample({}, {}, to={}, along={})", v.name, derived.rule.step, axis_name(derived.from), derived.name));
    }
  }
  if (found.empty()) return plain(place);
  const auto& [k, term] = found[static_cast<std::size_t>(dice_.below(static_cast<int>(found.size())))];
  value(k).used = true;
  return term;
}

Term RandomTerms::any(const Place& place) {
  switch (dice_.below(16)) {
    case 14:
    case 15:
      return resampled(place);
    case 0:
      return pair(place, "0.45 * {} * {}");
    case 1:
      return pair(place, dice_.chance(0.5) ? "max({}, {})" : "min({}, {})");
    case 2:
      return pair(place, "where({} > 0.1, 0.5, {})");
    case 3:
    case 4:
      return reduction(place);
    case 5:
      return attention(place);
    case 6:
      return position(place);
    case 7:
      return weighted(place);
    case 8:
      return joined(place);
    case 9:
    case 10:
      return function(place);
    default:
      return plain(place);
  }
}

}  // namespace tapeloop
