#include "models/facade/feed.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "core/kind.h"
#include "core/live_nodes.h"

namespace tapeloop {
namespace {

using Dims = std::vector<std::int64_t>;
constexpr std::int64_t kUnknown = -1;

// The feed as a whole: JSON events carry no positions.
Source place_of(const Feed& feed) { return {std::make_shared<const std::string>(feed.file), 0, 0}; }

std::int64_t count(const Nested& list) { return static_cast<std::int64_t>(list.items.size()); }

// The longest list at each depth; kUnknown below a depth at which there is no item.
void measure(const Nested& nested, std::size_t depth, Dims& dims) {
  if (!nested.is_list) return;
  if (dims.size() == depth) dims.push_back(kUnknown);
  dims[depth] = std::max(dims[depth], count(nested));
  for (const Nested& item : nested.items) measure(item, depth + 1, dims);
}

Dims measured(const Nested& nested) {
  Dims dims;
  measure(nested, 0, dims);
  return dims;
}

// "[example][t][3]": what an array should look like.
std::string expected_layout(const Graph& graph, const Node& node) {
  std::string text = node.space.on_batch() ? "[example]" : "";
  for (const AxisId axis : node.space.axes()) text += "[" + graph.axes[static_cast<std::size_t>(axis)].name + "]";
  for (const Dim& dim : node.shape) text += "[" + graph.sizes.text(dim) + "]";
  return text.empty() ? "a number" : text;
}

std::string found_layout(const Nested& nested) {
  std::string text;
  for (const std::int64_t dim : measured(nested)) text += fmt::format("[{}]", dim);
  return text.empty() ? "a number" : text;
}

// Copies nested lists into a dense array. The first `loose` depths may hold more or fewer items than the array; below them
// every list must have exactly the array's.
template <class T>
bool copy_into(const Nested& nested, std::size_t depth, std::size_t loose, Array<T>& array, std::size_t offset) {
  if (depth == array.dims.size()) {
    if (nested.is_list) return false;
    array.data[offset] = static_cast<T>(nested.number);
    return true;
  }
  const std::int64_t size = array.dims[depth];
  if (!nested.is_list || (depth >= loose && count(nested) != size)) return false;
  const std::size_t items = static_cast<std::size_t>(std::min(size, count(nested)));
  for (std::size_t k = 0; k < items; ++k) {
    if (!copy_into(nested.items[k], depth + 1, loose, array, offset * static_cast<std::size_t>(size) + k)) return false;
  }
  return true;
}

template <class T>
Array<T> zeros_of(const Dims& dims) {
  std::size_t size = 1;
  for (const std::int64_t dim : dims) size *= static_cast<std::size_t>(dim);
  return {dims, std::vector<T>(size, T(0))};
}

// The first number that is not whole.
std::optional<double> not_whole(const Nested& nested) {
  if (!nested.is_list) return nested.number == std::floor(nested.number) ? std::nullopt : std::optional(nested.number);
  for (const Nested& item : nested.items) {
    if (const std::optional<double> found = not_whole(item)) return found;
  }
  return std::nullopt;
}

// Turns the inputs and lengths of one feed into a batch.
template <class T>
class BatchReader {
 public:
  BatchReader(const Feed& feed, const Graph& graph, Diagnostics& diagnostics)
      : feed_(feed), graph_(graph), diagnostics_(diagnostics), runs_(graph.axes.size()), known_(graph.axes.size(), false) {}

  Batch<T> read() {
    batch_.file = feed_.file;
    collect_inputs();
    refuse_unknown();
    count_rows();
    if (diagnostics_.has_errors()) return std::move(batch_);
    for (AxisId axis = 0; axis < static_cast<AxisId>(graph_.axes.size()); ++axis) read_lengths(axis);
    for (const NodeId id : inputs_) {
      if (const Nested* fed = Feed::find(feed_.inputs, graph_[id].name)) read_input(graph_[id], *fed);
    }
    return std::move(batch_);
  }

 private:
  const Axis& axis_of(AxisId axis) const { return graph_.axes[static_cast<std::size_t>(axis)]; }

  void error(const char* code, const std::string& message, const std::string& help = {}) {
    diagnostics_.error(code, place_of(feed_), message, help);
  }

  bool is_seed(NodeId id) const { return std::find(graph_.seeds.begin(), graph_.seeds.end(), id) != graph_.seeds.end(); }

  void collect_inputs() {
    for (NodeId id = 0; id < graph_.size(); ++id) {
      if (graph_[id].kind && graph_[id].kind->role == Role::kInput && !is_seed(id)) inputs_.push_back(id);
    }
    const auto place = [&](NodeId id) { return std::pair(graph_[id].source.line, graph_[id].source.column); };
    std::stable_sort(inputs_.begin(), inputs_.end(), [&](NodeId a, NodeId b) { return place(a) < place(b); });
  }

  void refuse_unknown() {
    std::vector<std::string> names, axes;
    for (const NodeId id : inputs_) names.push_back(graph_[id].name);
    for (const Axis& axis : graph_.axes) axes.push_back(axis.name);
    for (const auto& [name, value] : feed_.inputs) {
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        error("E0721", fmt::format("unknown input '{}'{}", name, did_you_mean(name, names)));
      }
    }
    for (const auto& [name, value] : feed_.lengths) {
      const auto found = std::find(axes.begin(), axes.end(), name);
      if (found == axes.end()) {
        error("E0721", fmt::format("lengths of an unknown axis '{}'{}", name, did_you_mean(name, axes)));
      } else if (!axis_of(static_cast<AxisId>(found - axes.begin())).fed()) {
        error("E0724", fmt::format("axis '{}' has its lengths from an equation or another axis; feed none", name));
      }
    }
    const std::vector<char> live = live_nodes(graph_, graph_.seeds);
    for (const NodeId id : inputs_) {
      if (!Feed::find(feed_.inputs, graph_[id].name) && live[static_cast<std::size_t>(id)]) {
        error("E0722", fmt::format("input '{}' is missing; expected {}", graph_[id].name, expected_layout(graph_, graph_[id])));
      }
    }
  }

  // All inputs have one entry an example; without inputs the lengths tell how many there are, or there is one.
  void count_rows() {
    batch_.rows = 1;
    std::string said;
    const auto agree = [&](const std::string& what, const Nested& list) {
      if (!list.is_list) return error("E0723", fmt::format("{}: expected a list with an entry for each example, found a number", what));
      if (said.empty()) {
        said = what;
        batch_.rows = count(list);
      } else if (batch_.rows != count(list)) {
        error("E0726", fmt::format("{} has {} examples, {} has {}", what, count(list), said, batch_.rows));
      }
    };
    for (const NodeId id : inputs_) {
      if (const Nested* fed = Feed::find(feed_.inputs, graph_[id].name)) agree(fmt::format("input '{}'", graph_[id].name), *fed);
    }
    for (const auto& [name, value] : feed_.lengths) {
      if (value.is_list) agree(fmt::format("lengths of '{}'", name), value);
    }
  }

  // Calls visit(path) for every point of the axes that `axis` lies within: path = example, position on each of them.
  void each_point(AxisId axis, const std::function<void(const std::vector<std::size_t>&)>& visit) const {
    std::vector<std::size_t> path;
    const std::vector<AxisId> outer = graph_.within(axis).axes();
    const std::function<void()> go = [&] {
      if (path.size() == outer.size() + 1) return visit(path);
      const std::int64_t size = path.empty() ? batch_.rows : run(outer[path.size() - 1], path);
      for (std::int64_t k = 0; k < size; ++k) {
        path.push_back(static_cast<std::size_t>(k));
        go();
        path.pop_back();
      }
    };
    go();
  }

  std::int64_t run(AxisId axis, const std::vector<std::size_t>& path) const {
    const auto found = runs_[static_cast<std::size_t>(axis)].find(path);
    return found == runs_[static_cast<std::size_t>(axis)].end() ? 0 : found->second;
  }

  // The first input on the axis; its list at a point has the length of the run, if nothing else tells it.
  const Nested* first_input(AxisId axis) const {
    for (const NodeId id : inputs_) {
      const Nested* fed = graph_[id].space.has(axis) ? Feed::find(feed_.inputs, graph_[id].name) : nullptr;
      if (fed) return fed;
    }
    return nullptr;
  }

  void read_lengths(AxisId axis) {
    const std::string& name = axis_of(axis).name;
    const bool computed = !axis_of(axis).fed();
    const Nested* given = computed ? nullptr : Feed::find(feed_.lengths, name);
    const Nested* input = given ? nullptr : first_input(axis);
    if (!given && !input) {
      if (!computed) error("E0722", fmt::format("axis '{}': nothing gives its lengths", name), "feed lengths, or add length: to the axis");
      return;
    }
    bool wrong = false;
    std::vector<std::int32_t> flat;
    each_point(axis, [&](const std::vector<std::size_t>& path) {
      const std::int64_t length = given ? given_length(*given, path) : listed_length(*input, axis, path);
      wrong = wrong || length < 0;
      runs_[static_cast<std::size_t>(axis)][path] = std::max<std::int64_t>(length, 0);
      flat.push_back(static_cast<std::int32_t>(std::max<std::int64_t>(length, 0)));
    });
    if (wrong) {
      error("E0724", fmt::format("lengths of '{}': expected a whole number, 0 or more, for each {}", name, length_layout(axis)));
    }
    if (!computed) batch_.lengths[name] = std::move(flat);
    known_[static_cast<std::size_t>(axis)] = !computed;
  }

  std::string length_layout(AxisId axis) const {
    std::string text = "[example]";
    for (const AxisId outer : graph_.within(axis).axes()) text += "[" + axis_of(outer).name + "]";
    return text;
  }

  // -1 where the lists are too short or hold no length.
  static std::int64_t given_length(const Nested& given, const std::vector<std::size_t>& path) {
    const Nested* at = &given;
    for (const std::size_t k : path) {
      if (!at->is_list) break;  // one number for all that lies within
      if (k >= at->items.size()) return -1;
      at = &at->items[k];
    }
    constexpr double kMost = 2147483647;
    const bool fits = !at->is_list && at->number >= 0 && at->number <= kMost && at->number == std::floor(at->number);
    return fits ? static_cast<std::int64_t>(at->number) : -1;
  }

  // The path of an input holds positions on all its axes before `axis`; those that `axis` does not lie within count as 0.
  std::int64_t listed_length(const Nested& input, AxisId axis, const std::vector<std::size_t>& path) const {
    const Node* node = nullptr;
    for (const NodeId id : inputs_) {
      if (Feed::find(feed_.inputs, graph_[id].name) == &input) node = &graph_[id];
    }
    const std::vector<AxisId> outer = graph_.within(axis).axes();
    const Nested* at = path[0] < input.items.size() ? &input.items[path[0]] : nullptr;
    for (const AxisId other : node->space.axes()) {
      if (!at || !at->is_list) return 0;
      if (other == axis) return count(*at);
      const auto place = std::find(outer.begin(), outer.end(), other);
      const std::size_t k = place == outer.end() ? 0 : path[1 + static_cast<std::size_t>(place - outer.begin())];
      at = k < at->items.size() ? &at->items[k] : nullptr;
    }
    return 0;
  }

  void read_input(const Node& node, const Nested& fed) {
    const std::vector<AxisId> axes = node.space.axes();
    Dims dims = measured(fed);
    const std::size_t rank = 1 + axes.size() + node.shape.size();
    bool fits = dims.size() <= rank;
    dims.resize(rank, 0);
    dims[0] = batch_.rows;
    const Shape shape = graph_.sizes.resolve(node.shape);
    for (std::size_t k = 0; k < shape.size(); ++k) dims[1 + axes.size() + k] = shape[k].is_number() ? shape[k].number() : 0;
    for (std::int64_t& dim : dims) dim = std::max<std::int64_t>(dim, 0);
    Array<T> array = zeros_of<T>(dims);
    fits = fits && copy_into(fed, 0, 1 + axes.size(), array, 0);
    if (!fits) {
      return error("E0723", fmt::format("input '{}': expected {}, found {}", node.name, expected_layout(graph_, node), found_layout(fed)));
    }
    if (const std::optional<double> broken = node.type == Type::kInt ? not_whole(fed) : std::nullopt) {
      error("E0723", fmt::format("input '{}' is int: expected whole numbers, found {}", node.name, *broken));
    }
    check_runs(node, fed, axes);
    batch_.inputs[node.name] = std::move(array);
  }

  // Every real position must have been fed. Only lengths known before the run can be checked here.
  void check_runs(const Node& node, const Nested& fed, const std::vector<AxisId>& axes) {
    for (const AxisId axis : axes) {
      if (!known_[static_cast<std::size_t>(axis)]) continue;
      std::int64_t missing = -1, has = 0;
      each_point(axis, [&](const std::vector<std::size_t>& path) {
        const std::int64_t listed = reach(fed, axes, axis, path);
        if (listed >= 0 && listed < run(axis, path) && missing < 0) {
          missing = run(axis, path);
          has = listed;
        }
      });
      if (missing >= 0) {
        error("E0724", fmt::format("input '{}' has {} positions along '{}', a length is {}", node.name, has, axis_of(axis).name, missing));
      }
    }
  }

  // How many positions along `axis` are fed at a point; -1 where the axes before it are empty there.
  std::int64_t reach(const Nested& fed, const std::vector<AxisId>& axes, AxisId axis, const std::vector<std::size_t>& path) const {
    const std::vector<AxisId> outer = graph_.within(axis).axes();
    const Nested* at = &fed.items[path[0]];
    for (const AxisId other : axes) {
      if (other == axis) return count(*at);
      const auto place = std::find(outer.begin(), outer.end(), other);
      const std::size_t k = place == outer.end() ? 0 : path[1 + static_cast<std::size_t>(place - outer.begin())];
      if (k >= at->items.size()) return -1;
      at = &at->items[k];
    }
    return -1;
  }

  const Feed& feed_;
  const Graph& graph_;
  Diagnostics& diagnostics_;
  Batch<T> batch_;
  std::vector<NodeId> inputs_;                                          // in the order of the file
  std::vector<std::map<std::vector<std::size_t>, std::int64_t>> runs_;  // [axis][example, outer positions]
  std::vector<bool> known_;                                             // [axis]: lengths come from the feed
};

}  // namespace

std::map<std::string, std::vector<std::int64_t>> fed_shapes(const Feed& feed, const Graph& expanded) {
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (NodeId id = 0; id < expanded.size(); ++id) {
    const Node& node = expanded[id];
    if (!node.kind || (node.kind->role != Role::kInput && node.kind->role != Role::kParameter)) continue;
    const bool input = node.kind->role == Role::kInput;
    const Nested* fed = Feed::find(input ? feed.inputs : feed.parameters, node.name);
    if (!fed) continue;
    Dims dims = measured(*fed);
    const std::size_t rank = node.shape.size(), before = input ? 1 + node.extra_axes.size() : 0;
    if (dims.size() != before + rank) continue;  // an empty list ends early; what does not fit is reported with the shapes known
    dims.erase(dims.begin(), dims.begin() + static_cast<std::ptrdiff_t>(before));
    const bool known = std::find(dims.begin(), dims.end(), kUnknown) == dims.end();
    if (known) shapes[node.name] = dims;
  }
  return shapes;
}

template <class T>
Batch<T> batch_of(const Feed& feed, const Graph& graph, Diagnostics& diagnostics) {
  return BatchReader<T>(feed, graph, diagnostics).read();
}

template <class T>
std::map<std::string, Array<T>> parameters_of(const Feed& feed, const Graph& graph, Diagnostics& diagnostics) {
  std::map<std::string, Array<T>> result;
  std::vector<std::string> names;
  const Source place = place_of(feed);
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph[id];
    if (!node.kind || node.kind->role != Role::kParameter) continue;
    names.push_back(node.name);
    const Nested* fed = Feed::find(feed.parameters, node.name);
    const std::string expected = expected_layout(graph, node);
    if (!fed) {
      diagnostics.error("E0722", place, fmt::format("parameter '{}' is missing; expected {}", node.name, expected));
      continue;
    }
    const Shape shape = graph.sizes.resolve(node.shape);
    Array<T> array = zeros_of<T>(is_known(shape) ? numbers(shape) : Dims{});
    if (!copy_into(*fed, 0, 0, array, 0)) {
      diagnostics.error("E0723", place, fmt::format("parameter '{}': expected {}, found {}", node.name, expected, found_layout(*fed)));
    }
    result[node.name] = std::move(array);
  }
  for (const auto& [name, value] : feed.parameters) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    diagnostics.error("E0721", place, fmt::format("unknown parameter '{}'{}", name, did_you_mean(name, names)));
  }
  return result;
}

template <class T>
Array<T> cotangent_of(const Feed& feed, const std::string& output, const std::vector<std::int64_t>& dims, std::size_t axes,
                      Diagnostics& diagnostics) {
  Array<T> array = zeros_of<T>(dims);
  const Nested* fed = Feed::find(feed.cotangents, output);
  if (fed && !copy_into(*fed, 0, 1 + axes, array, 0)) {
    diagnostics.error("E0723", place_of(feed),
                      fmt::format("cotangent of '{}': expected [{}], found {}", output, fmt::join(dims, "]["), found_layout(*fed)));
  }
  return array;
}

template Batch<float> batch_of(const Feed&, const Graph&, Diagnostics&);
template Batch<double> batch_of(const Feed&, const Graph&, Diagnostics&);
template std::map<std::string, Array<float>> parameters_of(const Feed&, const Graph&, Diagnostics&);
template std::map<std::string, Array<double>> parameters_of(const Feed&, const Graph&, Diagnostics&);
template Array<float> cotangent_of(const Feed&, const std::string&, const std::vector<std::int64_t>&, std::size_t, Diagnostics&);
template Array<double> cotangent_of(const Feed&, const std::string&, const std::vector<std::int64_t>&, std::size_t, Diagnostics&);

}  // namespace tapeloop
