// How long runs are: from the data, from values, or decided by them.
#include <algorithm>
#include <stdexcept>

#include "runtime/reference.h"

namespace tapeloop {

template <class S>
std::vector<std::int32_t> Reference<S>::lengths(AxisId axis) {
  const Axis& spec = graph_.axes[static_cast<std::size_t>(axis)];
  if (spec.derived()) return derived_lengths(axis);
  if (spec.decided()) {
    const auto known = decided_.find(axis);
    return known != decided_.end() ? known->second : decided_[axis] = decided(axis);
  }
  if (spec.length == kNone) {
    const auto found = lengths_.find(spec.name);
    if (found == lengths_.end()) throw std::runtime_error("axis " + spec.name + ": nothing gives its lengths");
    return found->second;
  }
  const Space within = graph_.within(axis);
  const std::vector<std::int32_t> at = points_->projection(within, graph_[spec.length].space);
  std::vector<std::int32_t> result;
  for (const std::int32_t point : at) {
    demand(spec.length, point);
    result.push_back(std::max(0, static_cast<std::int32_t>(std::real(*read({spec.length, point, 0, 0})))));
  }
  return result;
}

template <class S>
std::vector<std::int32_t> Reference<S>::derived_lengths(AxisId axis) {
  const Derivation& derivation = graph_.axes[static_cast<std::size_t>(axis)].derivation;
  const Space within = graph_.within(axis);
  std::vector<std::int32_t> result;
  ReferencePlace place;
  for (std::int32_t run = 0; run < points_->count(within); ++run) {
    points_->place(within, run, place);
    std::vector<std::int32_t> from;
    for (const AxisId source : derivation.from) from.push_back(points_->length(source, place));
    const std::int32_t window = within.axes().empty() ? 0 : place.at[static_cast<std::size_t>(within.axes().back())];
    result.push_back(derived_length(derivation, from, window));
  }
  return result;
}

// A run ends with the first position where its decision is true. A decision may read other runs of the axis, those of earlier steps:
// so each run is asked for in turn, with itself as long as can be and the others as found so far, until nothing changes.
template <class S>
std::vector<std::int32_t> Reference<S>::decided(AxisId axis) {
  Graph graph = graph_;
  Axis& spec = graph.axes[static_cast<std::size_t>(axis)];
  const std::int32_t most = spec.most;
  spec.until = kNone;
  const Space within = graph_.within(axis);
  for (const AxisId outer : within.axes()) graph.axes[static_cast<std::size_t>(outer)].until = kNone;  // whose ends are known by now
  const auto runs = static_cast<std::size_t>(points_->count(within));
  const std::vector<std::int32_t> longest(runs, most);
  std::vector<std::int32_t> found = tried(axis, graph, longest);
  if (within.axes().empty()) return found;
  for (std::vector<std::int32_t> before; before != found;) {
    before = found;
    for (std::size_t run = 0; run < runs; ++run) {
      std::vector<std::int32_t> lengths = found;
      lengths[run] = most;
      found[run] = tried(axis, graph, lengths)[run];
    }
  }
  return found;
}

// Where the decision is first true, for each run of an axis that has these lengths; its length, if it never is.
template <class S>
std::vector<std::int32_t> Reference<S>::tried(AxisId axis, const Graph& graph, const std::vector<std::int32_t>& lengths) {
  auto all = lengths_;
  all[graph_.axes[static_cast<std::size_t>(axis)].name] = lengths;
  const Space within = graph_.within(axis);
  for (const AxisId outer : within.axes()) {
    const Axis& around = graph_.axes[static_cast<std::size_t>(outer)];
    if (around.decided()) all[around.name] = this->lengths(outer);
  }
  Reference trial(*this, graph, all);
  const NodeId done = graph_.axes[static_cast<std::size_t>(axis)].until;
  std::vector<std::int32_t> found = lengths;
  ReferencePlace place;
  for (std::size_t run = 0; run < lengths.size(); ++run) {
    trial.points_->place(within, static_cast<std::int32_t>(run), place);
    for (std::int32_t position = 0; position < lengths[run]; ++position) {
      place.at[static_cast<std::size_t>(axis)] = position;
      if (std::real(trial.value(done, trial.points_->index(graph_[done].space, place))[0]) == 0) continue;
      found[run] = position + 1;
      break;
    }
  }
  return found;
}

template <class S>
Array<S> Reference<S>::lengths_of_runs(AxisId axis) {
  const Space within = graph_.within(axis);
  Array<S> result{{rows_}, {}};
  for (const AxisId outer : within.axes()) result.dims.push_back(points_->extent(outer));
  std::size_t count = 1;
  for (const std::int64_t dim : result.dims) count *= static_cast<std::size_t>(dim);
  result.data.resize(count);
  ReferencePlace place;
  for (std::int32_t p = 0; p < points_->count(within); ++p) {
    points_->place(within, p, place);
    std::int64_t index = place.row;
    for (std::size_t k = 1; k < result.dims.size(); ++k) {
      index = index * result.dims[k] + place.at[static_cast<std::size_t>(within.axes()[k - 1])];
    }
    result.data[static_cast<std::size_t>(index)] = points_->length(axis, place);
  }
  return result;
}

template std::vector<std::int32_t> Reference<double>::lengths(AxisId);
template std::vector<std::int32_t> Reference<double>::derived_lengths(AxisId);
template std::vector<std::int32_t> Reference<double>::decided(AxisId);
template std::vector<std::int32_t> Reference<double>::tried(AxisId, const Graph&, const std::vector<std::int32_t>&);
template Array<double> Reference<double>::lengths_of_runs(AxisId);
template std::vector<std::int32_t> Reference<std::complex<double>>::lengths(AxisId);
template std::vector<std::int32_t> Reference<std::complex<double>>::derived_lengths(AxisId);
template std::vector<std::int32_t> Reference<std::complex<double>>::decided(AxisId);
template std::vector<std::int32_t> Reference<std::complex<double>>::tried(AxisId, const Graph&, const std::vector<std::int32_t>&);
template Array<std::complex<double>> Reference<std::complex<double>>::lengths_of_runs(AxisId);

}  // namespace tapeloop
