#include "models/facade/trial_feed.h"

#include <algorithm>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "core/kind.h"

namespace tapeloop {
namespace {

constexpr std::int64_t kComputed = 8;  // positions fed along an axis whose lengths are computed: more than small ints make
constexpr std::int64_t kIntsBelow = 4;

class TrialFeed {
 public:
  TrialFeed(const Graph& graph, std::uint64_t seed, const TrialSizes& sizes) : graph_(graph), random_(seed), trial_(sizes) {}

  Feed make() {
    feed_.file = "random numbers";
    for (AxisId axis = 0; axis < static_cast<AxisId>(graph_.axes.size()); ++axis) {
      if (axis_of(axis).fed()) feed_.lengths.emplace_back(axis_of(axis).name, lengths(axis));
    }
    for (NodeId id = 0; id < graph_.size(); ++id) {
      const Role role = graph_[id].kind->role;
      if (std::find(graph_.seeds.begin(), graph_.seeds.end(), id) != graph_.seeds.end()) continue;
      if (role == Role::kParameter) feed_.parameters.emplace_back(graph_[id].name, values(sizes(graph_[id]), 0, 0.5, 0));
      if (role == Role::kInput) feed_.inputs.emplace_back(graph_[id].name, input(id));
    }
    return std::move(feed_);
  }

 private:
  const Axis& axis_of(AxisId axis) const { return graph_.axes[static_cast<std::size_t>(axis)]; }
  double uniform() { return static_cast<double>(random_() >> 11) * 0x1.0p-53; }

  // Free sizes get numbers by their ids, so that one size is the same number wherever it stands.
  std::vector<std::int64_t> sizes(const Node& node) const {
    std::vector<std::int64_t> result;
    for (const Dim& dim : graph_.sizes.resolve(node.shape)) {
      std::int64_t number = dim.number();
      for (const auto& [size, factor] : dim.terms()) number += factor * (trial_.free_sizes > 0 ? trial_.free_sizes : 3 + size % 3);
      result.push_back(number);
    }
    return result;
  }

  // The first run along an axis has all its positions, so that every size is seen; the others are drawn.
  Nested lengths(AxisId axis) {
    std::size_t depth = 1 + graph_.within(axis).axes().size();
    bool first = true;
    return nested_lengths(depth, trial_.rows, first);
  }
  Nested nested_lengths(std::size_t depth, std::int64_t count, bool& first) {
    Nested result;
    if (depth == 0) {
      const bool all = first || !trial_.ragged;
      result.number = static_cast<double>(all ? trial_.longest : static_cast<std::int64_t>(random_() % (trial_.longest + 1)));
      first = false;
      return result;
    }
    result.is_list = true;
    for (std::int64_t k = 0; k < count; ++k) result.items.push_back(nested_lengths(depth - 1, std::max(kComputed, trial_.longest), first));
    return result;
  }

  // Uniform in centre +- width, or whole numbers below `below`.
  Nested values(const std::vector<std::int64_t>& dims, std::size_t depth, double width, std::int64_t below) {
    Nested result;
    if (depth == dims.size()) {
      result.number = below > 0 ? static_cast<double>(random_() % static_cast<std::uint64_t>(below)) : width * (2 * uniform() - 1);
      return result;
    }
    result.is_list = true;
    for (std::int64_t k = 0; k < dims[depth]; ++k) result.items.push_back(values(dims, depth + 1, width, below));
    return result;
  }

  Nested input(NodeId id) {
    const Node& node = graph_[id];
    std::vector<std::int64_t> dims{trial_.rows};
    for (const AxisId axis : node.space.axes())
      dims.push_back(axis_of(axis).fed() ? trial_.longest : std::max(kComputed, 2 * trial_.longest));
    for (const std::int64_t size : sizes(node)) dims.push_back(size);
    return values(dims, 0, 1, node.type == Type::kFloat ? 0 : node.type == Type::kBool ? 2 : below(id));
  }

  // What readers of an int accept, also those that read it moved or under another name.
  std::int64_t below(NodeId input) const {
    std::vector<NodeId> same{input};
    std::int64_t least = kIntsBelow;
    for (std::size_t k = 0; k < same.size(); ++k) {
      for (NodeId id = 0; id < graph_.size(); ++id) {
        const Node& node = graph_[id];
        const auto place = std::find(node.operands.begin(), node.operands.end(), same[k]);
        if (place == node.operands.end()) continue;
        if (node.kind->role == Role::kMove || node.kind->role == Role::kRemap || node.kind->role == Role::kAlias ||
            node.kind->name == "copy") {
          if (std::find(same.begin(), same.end(), id) == same.end()) same.push_back(id);
        } else {
          least = std::min(least, accepted(node, static_cast<std::size_t>(place - node.operands.begin())));
        }
      }
    }
    return std::max<std::int64_t>(least, 1);
  }

  std::int64_t accepted(const Node& node, std::size_t operand) const {
    if (const auto& lookup = node.kind->lookup; lookup && static_cast<std::size_t>(lookup->by) == operand) {
      const std::vector<std::int64_t> dims = sizes(graph_[node.operands[static_cast<std::size_t>(lookup->of)]]);
      return lookup->last ? dims.back() : dims.front();
    }
    if (node.kind->name == "one_hot") return sizes(node).back();
    return kIntsBelow;
  }

  const Graph& graph_;
  std::mt19937_64 random_;
  const TrialSizes trial_;
  Feed feed_;
};

}  // namespace

Feed trial_feed(const Model& model, Mode mode, std::uint64_t seed, const TrialSizes& sizes) {
  CompileOptions options;
  options.mode = mode;
  options.gradients = false;
  const Compiled compiled = model.compile(options);
  return TrialFeed(compiled.graph, seed, sizes).make();
}

}  // namespace tapeloop
