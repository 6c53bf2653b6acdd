#include "runtime/reference.h"

#include <algorithm>
#include <stdexcept>

#include "core/diagnostics.h"
#include "core/kind.h"
#include "runtime/draws.h"
#include "runtime/reference_rules.h"

namespace tapeloop {
namespace {

constexpr std::uint8_t kNew = 0, kOpen = 1, kDone = 2;

std::int64_t product(std::span<const std::int64_t> dims) {
  std::int64_t result = 1;
  for (const std::int64_t dim : dims) result *= dim;
  return result;
}

std::string text(std::span<const std::int64_t> dims) {
  std::string result = "[";
  for (const std::int64_t dim : dims) result += (result.size() > 1 ? ", " : "") + std::to_string(dim);
  return result + "]";
}

template <class S>
Array<S> converted(const Array<double>& array) {
  return {array.dims, std::vector<S>(array.data.begin(), array.data.end())};
}

// Lengths that the batch does not say: each run is as long as the array of the first input on the axis.
std::map<std::string, std::vector<std::int32_t>> all_lengths(const Graph& graph, const Batch<double>& batch) {
  auto lengths = batch.lengths;
  for (const Node& node : graph.nodes) {
    const auto fed = batch.inputs.find(node.name);
    if (node.kind->role != Role::kInput || fed == batch.inputs.end()) continue;
    std::size_t k = 1, points = static_cast<std::size_t>(batch.rows);
    for (const AxisId axis : node.space.axes()) {
      const std::int64_t size = k < fed->second.dims.size() ? fed->second.dims[k++] : 0;
      const Axis& spec = graph.axes[static_cast<std::size_t>(axis)];
      if (spec.fed() && spec.within == kNone && !lengths.contains(spec.name)) {
        lengths[spec.name].assign(points, static_cast<std::int32_t>(size));
      }
    }
  }
  return lengths;
}

}  // namespace

template <class S>
Reference<S>::Reference(const Graph& graph, const Batch<double>& batch, const std::map<std::string, Array<double>>& parameters,
                        std::uint64_t seed)
    : graph_(graph),
      rows_(batch.rows),
      lengths_(all_lengths(graph, batch)),
      example_ids_(batch.example_ids),
      seed_(seed),
      file_(batch.file),
      whole_(whole_numbers(graph)) {
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Role role = graph[id].kind->role;
    if (role != Role::kInput && role != Role::kParameter) continue;
    const auto& from = role == Role::kInput ? batch.inputs : parameters;
    const auto found = from.find(graph[id].name);
    if (found != from.end()) leaves_[id] = converted<S>(found->second);
  }
  forget();
}

template <class S>
Reference<S>::Reference(const Reference& of, const Graph& graph, const std::map<std::string, std::vector<std::int32_t>>& lengths)
    : graph_(graph), rows_(of.rows_), lengths_(lengths), example_ids_(of.example_ids_), seed_(of.seed_), leaves_(of.leaves_) {
  forget();
}

template <class S>
void Reference<S>::forget() {
  fresh_ = true;
  states_.clear();
  states_.resize(graph_.nodes.size());
  frames_.clear();
  points_.emplace(graph_, rows_, [this](AxisId axis) { return lengths(axis); });
}

template <class S>
void Reference<S>::perturb(NodeId leaf, std::int64_t element, S by) {
  leaves_.at(leaf).data.at(static_cast<std::size_t>(element)) += by;
  if (std::real(by) != 0) decided_.clear();
  if (!fresh_) forget();
}

template <class S>
ReferencePoints& Reference<S>::points() {
  return *points_;
}

template <class S>
std::span<const S> Reference<S>::value(NodeId node, std::int32_t point) {
  if (!frames_.empty()) forget();  // an error was thrown before
  demand(node, point);
  const auto elements = static_cast<std::size_t>(state(node).elements);
  return std::span(state(node).values).subspan(static_cast<std::size_t>(point) * elements, elements);
}

template <class S>
Array<S> Reference<S>::parameter_space(NodeId node) {
  const std::span<const S> found = value(node, 0);
  return {shape_of(node), std::vector<S>(found.begin(), found.end())};
}

template <class S>
Array<S> Reference<S>::dense(NodeId node) {
  if (!frames_.empty()) forget();
  fresh_ = false;
  const Space space = graph_[node].space;
  const Space points = space | Space::batch();
  Array<S> result{{rows_}, {}};
  for (const AxisId axis : space.axes()) result.dims.push_back(points_->extent(axis));
  const std::size_t outer = result.dims.size();
  for (const std::int64_t dim : shape_of(node)) result.dims.push_back(dim);
  result.data.resize(static_cast<std::size_t>(product(result.dims)));
  const std::vector<std::int32_t> at = points_->projection(points, space);
  ReferencePlace place;
  for (std::int32_t p = 0; p < points_->count(points); ++p) {
    points_->place(points, p, place);
    std::int64_t index = place.row;
    for (std::size_t k = 1; k < outer; ++k) {
      index = index * result.dims[k] + place.at[static_cast<std::size_t>(space.axes()[k - 1])];
    }
    const std::span<const S> found = value(node, at[static_cast<std::size_t>(p)]);
    std::copy(found.begin(), found.end(), result.data.begin() + index * static_cast<std::int64_t>(found.size()));
  }
  return result;
}

// The recursion, on a stack of its own: a chain may be as long as all sequences together.
template <class S>
void Reference<S>::demand(NodeId node, std::int32_t point) {
  fresh_ = false;
  const std::size_t bottom = frames_.size();
  if (!is_done({node, point, 0, 0})) open(node, point);
  while (frames_.size() > bottom) {
    Frame& frame = frames_.back();
    const std::span<const ReferenceRead> reads = state(frame.node).reads.of(frame.point);
    while (frame.next < reads.size() && is_done(reads[frame.next])) ++frame.next;
    if (frame.next < reads.size()) {
      open(reads[frame.next].node, reads[frame.next].point);
      continue;
    }
    compute(frame.node, frame.point);
    state(frame.node).marks[static_cast<std::size_t>(frame.point)] = kDone;
    frames_.pop_back();
  }
}

template <class S>
bool Reference<S>::is_done(const ReferenceRead& read) const {
  if (read.node == kNone) return true;
  const State& of = state(read.node);
  return of.ready && of.marks[static_cast<std::size_t>(read.point)] == kDone;
}

template <class S>
void Reference<S>::open(NodeId node, std::int32_t point) {
  prepare(node);
  std::uint8_t& mark = state(node).marks[static_cast<std::size_t>(point)];
  if (mark == kDone) return;  // an input or parameter, just filled in
  if (mark == kOpen) fail_cycle(node, point);
  mark = kOpen;
  frames_.push_back({node, point, 0});
}

template <class S>
void Reference<S>::fail_cycle(NodeId node, std::int32_t point) const {
  std::string cycle = graph_[node].name;
  for (std::size_t k = frames_.size(); k-- > 0;) {
    if (graph_[frames_[k].node].is_part && !(frames_[k].node == node && frames_[k].point == point)) continue;
    cycle = graph_[frames_[k].node].name + " <- " + cycle;
    if (frames_[k].node == node && frames_[k].point == point) break;
  }
  throw std::runtime_error("a value needs itself: " + cycle);
}

template <class S>
std::vector<std::int64_t> Reference<S>::shape_of(NodeId node) const {
  return numbers(graph_.sizes.resolve(graph_[node].shape));
}

// What is the same for all points of a node, when it is first asked for.
template <class S>
void Reference<S>::prepare(NodeId id) {
  if (state(id).ready) return;
  const Node& node = graph_[id];
  State found;
  found.shapes.result = shape_of(id);
  for (const NodeId operand : node.operands)
    found.shapes.operands.push_back(operand == kNone ? std::vector<std::int64_t>{} : shape_of(operand));
  found.elements = product(found.shapes.result);
  const auto points = static_cast<std::size_t>(points_->count(node.space));  // may compute lengths: no reference into states_ is held
  found.values.resize(points * static_cast<std::size_t>(found.elements));
  found.marks.assign(points, kNew);
  if (node.kind->role == Role::kInput || node.kind->role == Role::kParameter) {
    fill_leaf(id, found);
  } else {
    found.reads = find_reads(graph_, id, *points_);
    find_stretches(node, found);
  }
  found.ready = true;
  state(id) = std::move(found);
}

// For point kinds and starts of moves: operands are stretched to the result; for the transpose of a start the other way.
template <class S>
void Reference<S>::find_stretches(const Node& node, State& of) {
  const Role role = node.kind->role;
  const std::vector<std::int64_t>& dims = of.shapes.result;
  if (role == Role::kMoveOutside) {
    const std::vector<std::int64_t> from(dims.begin() + (node.outsides[0].slots > 0 ? 1 : 0), dims.end());
    of.stretched.push_back(stretch(from, of.shapes.operands[0]));
  }
  if (role != Role::kPoint && role != Role::kMove && role != Role::kRemap) return;
  for (std::size_t k = 0; k < node.operands.size(); ++k) {
    std::vector<std::int64_t> from = node.operands[k] == kNone ? dims : of.shapes.operands[k];
    for (const Outside& outside : node.outsides) {
      if (outside.operand == static_cast<std::int32_t>(k) && outside.slots > 0) from.erase(from.begin());
    }
    of.stretched.push_back(stretch(from, dims));
  }
}

template <class S>
void Reference<S>::fill_leaf(NodeId id, State& of) {
  const Node& node = graph_[id];
  const auto found = leaves_.find(id);
  const std::string what = node.kind->role == Role::kInput ? "input '" : "parameter '";
  if (found == leaves_.end()) throw std::runtime_error(what + node.name + "' is missing");
  const Array<S>& array = found->second;
  const std::vector<std::int64_t>& shape = of.shapes.result;
  const std::vector<AxisId> axes = node.space.axes();
  const std::size_t outer = node.space.on_batch() ? axes.size() + 1 : 0;
  bool fits = array.dims.size() == outer + shape.size() && std::equal(shape.rbegin(), shape.rend(), array.dims.rbegin()) &&
              static_cast<std::int64_t>(array.data.size()) == product(array.dims);
  fits = fits && (outer == 0 || array.dims[0] == rows_);
  for (std::size_t k = 0; fits && k < axes.size(); ++k) fits = array.dims[k + 1] >= points_->extent(axes[k]);
  if (!fits) throw std::runtime_error(what + node.name + "': found " + text(array.dims) + ", expected shape " + text(shape));
  ReferencePlace place;
  for (std::size_t p = 0; p < of.marks.size(); ++p) {
    points_->place(node.space, static_cast<std::int32_t>(p), place);
    std::int64_t index = outer == 0 ? 0 : place.row;
    for (std::size_t k = 0; k < axes.size(); ++k) index = index * array.dims[k + 1] + place.at[static_cast<std::size_t>(axes[k])];
    std::copy_n(array.data.begin() + index * of.elements, of.elements, of.values.begin() + static_cast<std::int64_t>(p) * of.elements);
    of.marks[p] = kDone;
  }
  if (node.type != Type::kFloat && !whole_.empty()) check_whole(node, of, id);
}

template <class S>
void Reference<S>::check_whole(const Node& node, const State& of, NodeId id) {
  const WholeNumbers& whole = whole_[static_cast<std::size_t>(id)];
  for (std::size_t k = 0; k < of.values.size(); ++k) {
    const double number = std::real(of.values[k]);
    if (whole.hold(number, kLargestDouble)) continue;
    ReferencePlace place;
    points_->place(node.space, static_cast<std::int32_t>(k) / static_cast<std::int32_t>(of.elements), place);
    std::string where;
    for (const AxisId axis : node.space.axes()) {
      const auto at = static_cast<std::size_t>(axis);
      where += (where.empty() ? " at " : ", ") + graph_.axes[at].name + "=" + std::to_string(place.at[at]);
    }
    const auto row = static_cast<std::size_t>(place.row);
    where += " of example " + std::to_string(row < example_ids_.size() ? example_ids_[row] : place.row);
    throw ModelError(
        {{Severity::kError, "E0704", node.source,
          "input " + whole.mismatch(node.name, number, kLargestDouble) + where + (file_.empty() ? "" : " in " + file_), whole.help()}});
  }
}

template <class S>
const S* Reference<S>::read(const ReferenceRead& read) const {
  if (read.node == kNone) return nullptr;
  const State& of = state(read.node);
  return of.values.data() + read.point * of.elements;
}

template <class S>
void Reference<S>::compute(NodeId id, std::int32_t point) {
  const Node& node = graph_[id];
  State& of = state(id);
  const std::span<S> out =
      std::span(of.values).subspan(static_cast<std::size_t>(point * of.elements), static_cast<std::size_t>(of.elements));
  if (compute_own(node, point, out)) return;
  ReferenceOperands<S> from{&node, of.reads.of(point), {}, of.stretched, &of.shapes};
  values_.clear();
  for (const ReferenceRead& source : from.reads) values_.push_back(read(source));
  from.values = values_;
  evaluate(from, out);
}

// Values that follow from where they are, not from others.
template <class S>
bool Reference<S>::compute_own(const Node& node, std::int32_t point, std::span<S> out) {
  const auto here = [&]() -> const ReferencePlace& {
    points_->place(node.space, point, place_);
    return place_;
  };
  const auto fill = [&](double value) {
    std::fill(out.begin(), out.end(), S(value));
    return true;
  };
  switch (node.kind->role) {
    case Role::kConstant:
      return fill(node.value);
    case Role::kZeros:
      return fill(0);
    case Role::kCount:
      return fill(points_->count(node.counted));
    case Role::kLength:
      return fill(points_->length(node.axis, here()));
    case Role::kIndex: {
      const std::int32_t position = here().at[static_cast<std::size_t>(node.axis)];
      const bool reversed = number_of(node.attributes, "reversed", 0) != 0;
      return fill(reversed ? points_->length(node.axis, place_) - 1 - position : position);
    }
    case Role::kDraw:
      draw(node, here(), out);
      return true;
    default:
      return false;
  }
}

template <class S>
void Reference<S>::draw(const Node& node, const ReferencePlace& place, std::span<S> out) {
  std::vector<std::int32_t> positions;
  for (const AxisId axis : node.space.axes()) positions.push_back(place.at[static_cast<std::size_t>(axis)]);
  std::int64_t example = node.space.on_batch() ? place.row : 0;
  if (node.space.on_batch() && !example_ids_.empty()) example = example_ids_.at(static_cast<std::size_t>(place.row));
  const PhiloxKey key = draw_key(seed_, draw_name(node.name));
  const DrawPoint at = draw_point(example, positions);
  std::vector<double> drawn(out.size());
  if (node.kind->draws_normal) {
    draw_normal(key, at, drawn.data(), static_cast<std::int64_t>(drawn.size()));
  } else {
    draw_uniform(key, at, drawn.data(), static_cast<std::int64_t>(drawn.size()));
  }
  std::copy(drawn.begin(), drawn.end(), out.begin());
}

template class Reference<double>;
template class Reference<std::complex<double>>;

}  // namespace tapeloop
