#include "models/facade/not_finite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "core/graph.h"
#include "runtime/run.h"

namespace tapeloop {
namespace {

template <class T>
bool is_bad(T value) {
  return !std::isfinite(value);
}

// The named values of one evaluation.
template <class T>
class Search {
 public:
  Search(const Graph& graph, const Batch<T>& batch) : graph_(graph), batch_(batch), named_(graph.nodes.size()) {}

  void add(NodeId node, Array<T> array) {
    named_[static_cast<std::size_t>(node)] = true;
    if (std::any_of(array.data.begin(), array.data.end(), is_bad<T>)) bad_.emplace_back(node, std::move(array));
  }

  std::optional<NotFinite> first() const {
    for (std::int64_t row = -1; row < batch_.rows; ++row) {  // -1: of no example
      std::optional<NotFinite> any;
      for (const auto& [node, array] : bad_) {
        const std::optional<std::size_t> at = first_bad(node, array, row);
        if (!at) continue;
        const bool explained = is_explained(node, array, *at, row);
        if (!any || !explained) any = describe(node, array, *at, row);
        if (!explained) return any;
      }
      if (any) return any;
    }
    return std::nullopt;
  }

 private:
  // Elements of an example, and where they begin. None: the value is on the batch and the row is not, or the other way round.
  std::optional<std::pair<std::size_t, std::size_t>> range(NodeId node, const Array<T>& array, std::int64_t row) const {
    if (graph_[node].space.on_batch() != (row >= 0)) return std::nullopt;
    if (row < 0) return std::pair<std::size_t, std::size_t>{0, array.data.size()};
    const std::size_t size = array.data.size() / static_cast<std::size_t>(std::max<std::int64_t>(batch_.rows, 1));
    return std::pair{static_cast<std::size_t>(row) * size, size};
  }

  // Points of an example before that of its first number that is not finite.
  std::optional<std::size_t> first_bad(NodeId node, const Array<T>& array, std::int64_t row) const {
    const auto part = range(node, array, row);
    if (!part) return std::nullopt;
    const auto begin = array.data.begin() + static_cast<std::ptrdiff_t>(part->first);
    const auto found = std::find_if(begin, begin + static_cast<std::ptrdiff_t>(part->second), is_bad<T>);
    if (found == begin + static_cast<std::ptrdiff_t>(part->second)) return std::nullopt;
    return static_cast<std::size_t>(found - begin) / elements(node, array);
  }

  // Of a point: what stands behind the axes.
  std::size_t elements(NodeId node, const Array<T>& array) const {
    const std::size_t axes = graph_[node].space.on_batch() ? 1 + graph_[node].space.axes().size() : 0;
    std::size_t count = 1;
    for (std::size_t d = axes; d < array.dims.size(); ++d) count *= static_cast<std::size_t>(array.dims[d]);
    return std::max<std::size_t>(count, 1);
  }

  bool is_bad_at(NodeId node, std::size_t point, std::int64_t row) const {
    for (const auto& [other, array] : bad_) {
      if (other != node) continue;
      const auto part = range(node, array, row);
      if (!part) return true;  // in P
      const std::size_t size = elements(node, array);
      const auto begin = array.data.begin() + static_cast<std::ptrdiff_t>(part->first + point * size);
      return std::any_of(begin, begin + static_cast<std::ptrdiff_t>(size), is_bad<T>);
    }
    return false;
  }
  bool is_bad_anywhere(NodeId node) const {
    return std::any_of(bad_.begin(), bad_.end(), [&](const auto& one) { return one.first == node; });
  }

  // A value on its way to the one whose reason is looked for, and from how far along each axis it is read; not exact: from any position.
  struct Read {
    NodeId node = kNone;
    std::map<AxisId, std::int32_t> shifts;
    bool exact = true;
  };

  Read before(const Read& reader, const ReadEdge& edge) const {
    Read read{edge.producer, reader.shifts, reader.exact && edge.whole.axes().empty()};
    for (const auto& [axis, shift] : edge.shifts) read.shifts[axis] += shift;
    return read;
  }

  // Something that it reads is not finite where it is read.
  bool is_explained(NodeId node, const Array<T>& array, std::size_t point, std::int64_t row) const {
    std::vector<Read> open{{node, {}, true}};
    std::vector<char> seen(graph_.nodes.size(), 0);
    while (!open.empty()) {
      const Read reader = open.back();
      open.pop_back();
      for (const ReadEdge& edge : read_edges(graph_, reader.node)) {
        const Read read = before(reader, edge);
        if (!named_[static_cast<std::size_t>(read.node)]) {
          if (std::exchange(seen[static_cast<std::size_t>(read.node)], 1) == 0) open.push_back(read);
          continue;
        }
        const bool same = read.exact && graph_[read.node].space == graph_[node].space;
        const std::optional<std::size_t> from = same ? shifted(node, array, point, read.shifts) : std::nullopt;
        if (same ? from && is_bad_at(read.node, *from, row) : is_bad_anywhere(read.node)) return true;
      }
    }
    return false;
  }

  // None: outside the array.
  std::optional<std::size_t> shifted(NodeId node, const Array<T>& array, std::size_t point,
                                     const std::map<AxisId, std::int32_t>& shifts) const {
    const std::vector<AxisId> axes = graph_[node].space.axes();
    std::size_t result = 0, stride = 1;
    for (std::size_t k = axes.size(); k-- > 0;) {
      const std::int64_t length = array.dims[k + 1];
      const auto shift = shifts.find(axes[k]);
      const std::int64_t at = static_cast<std::int64_t>(point) % length + (shift == shifts.end() ? 0 : shift->second);
      if (at < 0 || at >= length) return std::nullopt;
      result += static_cast<std::size_t>(at) * stride;
      stride *= static_cast<std::size_t>(length);
      point /= static_cast<std::size_t>(length);
    }
    return result;
  }

  NotFinite describe(NodeId node, const Array<T>& array, std::size_t point, std::int64_t row) const {
    NotFinite found{graph_[node].name, graph_[node].source, {}, -1, 0};
    const std::size_t from = range(node, array, row)->first + point * elements(node, array);
    found.value = *std::find_if(array.data.begin() + static_cast<std::ptrdiff_t>(from), array.data.end(), is_bad<T>);
    if (row < 0) return found;
    const auto index = static_cast<std::size_t>(row);
    found.example = index < batch_.example_ids.size() ? batch_.example_ids[index] : row;
    const std::vector<AxisId> axes = graph_[node].space.axes();
    for (std::size_t k = axes.size(); k-- > 0;) {
      const auto length = static_cast<std::size_t>(array.dims[k + 1]);
      const std::string here = fmt::format("{}={}", graph_.axes[static_cast<std::size_t>(axes[k])].name, point % length);
      found.position = found.position.empty() ? here : here + ", " + found.position;
      point /= length;
    }
    return found;
  }

  const Graph& graph_;
  const Batch<T>& batch_;
  std::vector<bool> named_;  // [node]: has been looked at
  std::vector<std::pair<NodeId, Array<T>>> bad_;
};

}  // namespace

std::string text(const NotFinite& found) {
  std::string result = fmt::format("'{}' ({}) is {}", found.name, found.source.text(), found.value);
  if (!found.position.empty()) result += " at " + found.position;
  return found.example < 0 ? result : result + fmt::format(" of example {}", found.example);
}

template <class T>
std::optional<NotFinite> find_not_finite(const Model& model, CompileOptions options, const std::map<std::string, Array<T>>& parameters,
                                         const Batch<T>& batch, std::uint64_t seed) {
  options.gradients = options.cotangents = false;
  const Graph graph = model.compile(options).graph;
  for (const auto& [name, node] : graph.names) options.keep.push_back(name);
  const Compiled compiled = model.compile(options);
  const auto plan = std::make_shared<const Plan>(compiled.plan);
  Run<T> run(plan, {.seed = seed});
  run.set_parameters(parameters);
  run.forward(batch);
  Search<T> search(compiled.graph, batch);
  for (const auto& [name, node] : compiled.graph.names) {
    const auto kept = compiled.kept.find(name);
    const auto parameter = parameters.find(name);
    if (parameter != parameters.end()) {
      search.add(node, parameter->second);
    } else if (kept != compiled.kept.end() && plan->value(kept->second).buffer != kNone) {
      search.add(node, run.value(kept->second));
    }
  }
  return search.first();
}

std::optional<NotFinite> find_not_finite(const Model& model, CompileOptions options, const Parameters<float>& parameters,
                                         const Batch<float>& batch, std::uint64_t seed) {
  std::map<std::string, Array<float>> arrays;
  for (const auto& entry : parameters.entries()) arrays[entry.spec.name] = parameters.get(entry.spec.name);
  return find_not_finite<float>(model, std::move(options), arrays, batch, seed);
}

template std::optional<NotFinite> find_not_finite(const Model&, CompileOptions, const std::map<std::string, Array<float>>&,
                                                  const Batch<float>&, std::uint64_t);
template std::optional<NotFinite> find_not_finite(const Model&, CompileOptions, const std::map<std::string, Array<double>>&,
                                                  const Batch<double>&, std::uint64_t);

}  // namespace tapeloop
