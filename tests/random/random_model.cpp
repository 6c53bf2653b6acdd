#include "tests/random/random_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/random/random_terms.h"

namespace tapeloop {
namespace {

constexpr double kGain = 0.9;  // of all that a node reads, together

class Generator {
 public:
  Generator(Dice decisions, std::uint64_t seed, bool with_decision)
      : out_(std::move(decisions), seed), dice_(out_.dice), terms_(out_), with_decision_(with_decision) {}

  RandomModel make() {
    make_axes();
    const int groups = dice_.between(1, 4);
    for (int g = 0; g < groups; ++g) make_group(g);
    return finish();
  }

 private:
  RandomValue& value(std::size_t k) { return out_.values[k]; }
  std::string axis_name(int axis) const { return out_.axes[static_cast<std::size_t>(axis)].name; }

  void make_axes() {
    const int shape = dice_.below(10);
    out_.axes.push_back({"t", -1, "", shape < 4 ? 20 : 6});
    if (shape >= 4 && shape < 8) out_.axes.push_back({"u", 0, "", 5});
    if (shape == 7) out_.axes.push_back({"v", 1, "", 3});
    if (shape >= 6 && shape != 7) out_.axes.push_back({"s", -1, "", 7});
    for (RandomAxis& axis : out_.axes) {
      if (dice_.chance(0.25)) axis.length = "n" + axis.name;
    }
    if (with_decision_) return choose_decided();
    if (dice_.chance(0.35)) derive_axis();
  }
  // One more axis, whose lengths follow from those of another.
  void derive_axis() {
    const int from = dice_.below(static_cast<int>(out_.axes.size()));
    const RandomAxis& source = out_.axes[static_cast<std::size_t>(from)];
    RandomAxis made{"p", source.within, "", source.longest, "", from};
    Derivation& rule = made.rule;
    rule.step = dice_.between(2, 4);
    switch (dice_.below(6)) {
      case 0:
        rule.rule = Derivation::Rule::kJoin;
        made.derived = fmt::format("derived: [{0}, {0}]", source.name);
        break;
      case 1:
        rule.rule = Derivation::Rule::kRepeat;
        made.derived = fmt::format("derived: {}, times: {}", source.name, rule.step);
        break;
      case 2:
        rule.rule = Derivation::Rule::kSlice;
        rule.first = dice_.between(-4, 3);
        rule.end = dice_.between(-2, 4);
        rule.to_end = false;
        made.derived = fmt::format("derived: {}, start: {}, stop: {}", source.name, rule.first, rule.end);
        break;
      default:
        rule.rule = Derivation::Rule::kStride;
        made.derived = fmt::format("derived: {}, stride: {}", source.name, rule.step);
    }
    out_.axes.push_back(made);
  }

  void choose_decided() {
    std::vector<int> innermost;
    for (int axis = 0; axis < static_cast<int>(out_.axes.size()); ++axis) {
      if (out_.innermost((1U << out_.axes.size()) - 1, axis)) innermost.push_back(axis);
    }
    decided_ = dice_.pick(innermost);
    out_.axes[static_cast<std::size_t>(decided_)].decided = true;
    out_.axes[static_cast<std::size_t>(decided_)].length.clear();
  }

  // By any value along the axis alone; it may turn out to need what comes after it.
  void decide() {
    const AxisSet own = out_.closure(decided_);
    std::vector<std::size_t> found;
    for (std::size_t k = 0; k < out_.values.size(); ++k) {
      if (out_.values[k].axes == own && out_.values[k].group >= 0) found.push_back(k);
    }
    const std::size_t k = found.empty() ? out_.input(own, 0) : dice_.pick(found);
    const std::string read = value(k).width == 0 ? value(k).name : fmt::format("sum({}, along=shape)", value(k).name);
    out_.add_node("done", fmt::format("{} > {:.3f}", read, 0.6 * dice_.unit() - 0.2));
  }

  AxisSet some_axes() {
    const int all = 1 << out_.axes.size();
    AxisSet set = static_cast<AxisSet>(dice_.chance(0.5) ? all - 1 : dice_.below(all));
    while (!out_.is_closed(set)) set = static_cast<AxisSet>(dice_.below(all));
    return set;
  }

  void make_group(int number) {
    Group group;
    group.number = number;
    group.axes = some_axes();
    for (const int axis : out_.axes_of(group.axes)) {
      if (dice_.chance(0.6)) group.nest.push_back({axis, dice_.chance(0.65) ? 1 : -1});
    }
    out_.input(group.axes, dice_.between(0, kWidest));
    const int count = dice_.between(1, 3);
    for (int k = 0; k < count; ++k) declare(group, group.axes, false);
    const int inner = end_axis(group);
    if (inner >= 0) declare(group, group.axes & ~(1U << inner), true);
    for (const std::size_t member : group.members) {
      if (value(member).is_end) {
        define_end(group, member, inner);
      } else {
        define(group, member);
      }
    }
  }

  void declare(Group& group, AxisSet axes, bool is_end) {
    const std::string name = fmt::format("{}{}{}", is_end ? "e" : "h", group.number, static_cast<char>('a' + group.members.size()));
    const int width = dice_.chance(0.25) ? 0 : dice_.between(1, kWidest);
    group.members.push_back(out_.values.size());
    out_.values.push_back({name, axes, width, group.number, static_cast<int>(group.members.size()) - 1, true, is_end, false});
  }

  // An axis whose runs may be carried across the outermost scan: reduced by an end node, or -1.
  int end_axis(const Group& group) {
    if (group.nest.empty() || !dice_.chance(0.5)) return -1;
    std::vector<int> found;
    for (const int axis : out_.axes_of(group.axes)) {
      if (axis != group.nest[0].axis && out_.has(out_.closure(axis), group.nest[0].axis) && out_.innermost(group.axes, axis))
        found.push_back(axis);
    }
    return found.empty() ? -1 : dice_.pick(found);
  }

  // ---- nodes

  void define(const Group& group, std::size_t member) {
    const RandomValue v = value(member);
    const Place place{&group, group.axes, v.width, v.index};
    const int form = dice_.below(12);
    if (form >= 10 && !group.nest.empty()) {
      recurrence(place, member);
    } else if (form < 2 && linear(place, v.name)) {
    } else if (form < 4) {
      gated(place, v.name);
    } else {
      sum(place, v.name);
    }
    give_states(group, v);
  }

  void sum(const Place& place, const std::string& name) {
    const int count = dice_.between(1, 4);
    const double each = kGain / (count + 1);
    std::string text = fmt::format("{:.3f} * {}", each, terms_.anchor(place).text);
    for (int k = 0; k < count; ++k) text += fmt::format(" {} {:.3f} * {}", dice_.chance(0.8) ? "+" : "-", each, terms_.any(place).text);
    static const std::vector<std::string> outer = {"", "", "tanh", "tanh", "sigmoid"};
    const std::string& function = dice_.pick(outer);
    out_.add_node(name, function.empty() ? text : fmt::format("{}({})", function, text));
  }

  // As in a GRU: z * a + (1 - z) * b.
  void gated(const Place& place, const std::string& name) {
    const std::string a = terms_.plain(place).text, b = terms_.plain(place).text;
    out_.add_node(name, fmt::format("sigmoid({0}) * 0.9 * {1} + 0.9 * (1 - sigmoid({0})) * {2}", terms_.anchor(place).text, a, b));
  }

  // h = a * h_tm1 + b and its like, of which a step is point work only, or taps that reach far.
  void recurrence(const Place& place, std::size_t member) {
    const Scan& scan = dice_.pick(place.group->nest);
    const auto tap = [&](int offset) { return terms_.text({member, {{scan.axis, -scan.past * offset}}}); };
    const int near = dice_.chance(0.5) ? 1 : dice_.between(2, kLongestTap);
    const std::string a = terms_.anchor(place).text, b = terms_.anchor(place).text, h = tap(near);
    value(member).used = true;
    const std::string forms[] = {
        fmt::format("0.5 * sigmoid({}) * {} + 0.45 * {}", a, h, b),
        fmt::format("sigmoid({}) * (0.4 * {} + {})", a, b, h),
        fmt::format("0.4 * {} - 0.5 * {}", b, h),
        fmt::format("tanh({} + {} * {})", b, a, h),
        fmt::format("0.4 * {} + 0.25 * {} + 0.25 * {}", b, h, tap(dice_.between(near, kLongestTap))),
        place.width == 0 ? fmt::format("0.3 * {} + 0.6 * {}", h, b)
                         : fmt::format("0.45 * {} + 0.45 * ({} @ {})", b, h, out_.parameter({place.width, place.width}, 1.0 / place.width)),
    };
    out_.add_node(value(member).name, forms[std::min(dice_.below(8), 5)]);
  }

  bool linear(const Place& place, const std::string& name) {
    if (place.width == 0) return false;
    auto first = terms_.read(place, place.axes, true, 1, kWidest, true);
    if (!first) return false;
    std::vector<Read> reads = {*first};
    for (int k = dice_.below(3); k > 0; --k) {
      const auto more = terms_.read(place, place.axes, true, 1);
      const auto same = [&](const Read& other) { return terms_.label(other) == terms_.label(*more); };
      if (more && std::none_of(reads.begin(), reads.end(), same)) reads.push_back(*more);
    }
    std::vector<std::string> texts;
    for (const Read& r : reads) {
      const int from = value(r.value).width;
      texts.push_back(terms_.text(r));
      out_.parameter_of_linear(fmt::format("{}.linear.{}", name, terms_.label(r)), {from, place.width},
                               kGain / from / static_cast<double>(reads.size()));
    }
    out_.parameter_of_linear(name + ".linear.bias", {place.width}, 0.5);
    out_.add_node(name, fmt::format("tanh(linear({}, units={}))", fmt::join(texts, ", "), place.width));
    return true;
  }

  // What a run along the inner axis leaves, read again one outer position later.
  void define_end(const Group& group, std::size_t member, int inner) {
    const RandomValue v = value(member);
    std::vector<std::size_t> from;
    for (const std::size_t other : group.members) {
      if (!value(other).is_end) from.push_back(other);
    }
    const Read read = terms_.of(dice_.pick(from));
    std::string text = terms_.reduced(read, inner, v.width).text;
    if (value(read.value).width != v.width && value(read.value).width == 0) text += " * " + out_.parameter({v.width}, 1);
    if (dice_.chance(0.3)) {
      const Place place{&group, v.axes, v.width, v.index};
      text = fmt::format("0.45 * {} + 0.45 * {}", text, terms_.plain(place).text);
    }
    out_.add_node(v.name, text);
    for (const std::size_t k : group.members) {
      if (value(k).is_end || (value(k).width != v.width && v.width != 0) || !dice_.chance(0.5)) continue;
      const Read before{member, {{group.nest[0].axis, -group.nest[0].past}}};
      value(member).used = true;
      out_.add_state(value(k).name, inner, terms_.text(before));
    }
  }

  void give_states(const Group& group, const RandomValue& v) {
    for (const int axis : out_.axes_of(v.axes)) {
      if (!dice_.chance(0.4) || group_has_end_along(group, axis)) continue;
      AxisSet lower = v.axes;
      for (const int other : out_.axes_of(v.axes)) {
        if (out_.has(out_.closure(other), axis)) lower &= ~(1U << other);
      }
      out_.add_state(v.name, axis, start(group, v, axis, lower));
    }
  }

  bool group_has_end_along(const Group& group, int axis) {
    return std::any_of(group.members.begin(), group.members.end(),
                       [&](std::size_t k) { return value(k).is_end && !out_.has(value(k).axes, axis); });
  }

  // A number, a parameter (for each position, if it cannot be left by other moves), or a value of an earlier group.
  std::string start(const Group& group, const RandomValue& v, int axis, AxisSet lower) {
    std::vector<std::int64_t> dims;
    if (v.width > 0) dims.push_back(v.width);
    const int form = dice_.below(4);
    if (form == 0) return terms_.number().text;
    if (form == 1) return out_.parameter(dims, 1);
    if (form == 2 && out_.axes[static_cast<std::size_t>(axis)].within < 0) {
      dims.insert(dims.begin(), kLongestTap + 1);  // the last value of an empty run, tapped, is one further outside
      return out_.parameter(dims, 1);
    }
    std::vector<std::size_t> found;
    for (std::size_t k = 0; k < out_.values.size(); ++k) {
      const RandomValue& other = out_.values[k];
      if (other.group < group.number && (other.axes & ~lower) == 0 && (other.width == v.width || other.width == 0)) found.push_back(k);
    }
    const std::size_t k = found.empty() ? out_.input(lower, v.width) : dice_.pick(found);
    return terms_.text(terms_.of(k));
  }

  // Everything that nobody reads is an output, and some of the rest.
  RandomModel finish() {
    std::vector<std::string> outputs;
    std::string loss;
    for (const RandomValue& v : out_.values) {
      if (v.group < 0) continue;
      if (!v.used || dice_.chance(0.2)) outputs.push_back(v.name);
      if (v.width == 0 && dice_.chance(0.3)) loss = v.name;
    }
    if (outputs.empty()) outputs.push_back(out_.values.back().name);
    if (decided_ >= 0) decide();
    return out_.finish(outputs, loss);
  }

  ModelWriter out_;
  Dice& dice_;
  RandomTerms terms_;
  bool with_decision_;
  int decided_ = -1;  // axis
};

}  // namespace

RandomModel random_model(std::uint64_t seed) { return Generator(Dice(seed), seed, false).make(); }
RandomModel random_model(Dice decisions) { return Generator(std::move(decisions), 0, false).make(); }
RandomModel random_model_with_decision(std::uint64_t seed) { return Generator(Dice(seed), seed, true).make(); }

}  // namespace tapeloop
