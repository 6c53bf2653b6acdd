#include "runtime/chunk_cutter.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "core/diagnostics.h"

namespace tapeloop {
namespace {

[[noreturn]] void raise(std::string message) {
  Diagnostics diagnostics;
  diagnostics.error("E0705", {}, std::move(message));
  throw ModelError(diagnostics.sorted());
}

std::int64_t product(const std::vector<std::int64_t>& dims, std::size_t begin, std::size_t end) {
  std::int64_t result = 1;
  for (std::size_t k = begin; k < end; ++k) result *= dims[k];
  return result;
}

}  // namespace

template <class T>
ChunkCutter<T>::ChunkCutter(const Plan& chunk) : plan_(chunk) {
  for (AxisId id = 0; id < static_cast<AxisId>(chunk.axes.size()); ++id) {
    if (chunk.axes[static_cast<std::size_t>(id)].name == "t") axis_ = id;
  }
  if (axis_ == kNone) throw std::logic_error("a chunk plan without axis t");
}

template <class T>
std::size_t ChunkCutter<T>::column(Space space) const {
  std::size_t column = 1;
  for (const AxisId axis : space.axes()) column += axis < axis_;
  return column;
}

template <class T>
std::int32_t ChunkCutter<T>::longest() const {
  return lengths_.empty() ? 0 : *std::max_element(lengths_.begin(), lengths_.end());
}

template <class T>
void ChunkCutter<T>::start(const Batch<T>& batch) {
  batch_ = &batch;
  find_lengths();
  offset_.assign(1, 0);
  for (const std::int32_t length : lengths_) offset_.push_back(offset_.back() + static_cast<std::size_t>(length));
  find_inner();
}

// As a run finds them: those that are given, else the size of the first input on t.
template <class T>
void ChunkCutter<T>::find_lengths() {
  const auto rows = static_cast<std::size_t>(std::max<std::int64_t>(batch_->rows, 0));
  const auto given = batch_->lengths.find("t");
  if (given != batch_->lengths.end()) {
    if (given->second.size() != rows) {
      raise("lengths of t: expected " + std::to_string(rows) + ", one for each run, found " + std::to_string(given->second.size()));
    }
    lengths_ = given->second;
    const auto negative = std::find_if(lengths_.begin(), lengths_.end(), [](std::int32_t length) { return length < 0; });
    if (negative != lengths_.end()) raise("lengths of t: " + std::to_string(*negative));
    return;
  }
  lengths_.clear();
  for (const NodeId id : plan_.inputs) {
    const PlanValue& value = plan_.value(id);
    const auto fed = batch_->inputs.find(value.name);
    if (!on_axis(value.space) || fed == batch_->inputs.end() || fed->second.dims.size() <= column(value.space)) continue;
    lengths_.assign(rows, static_cast<std::int32_t>(std::min<std::int64_t>(fed->second.dims[column(value.space)], INT32_MAX)));
    return;
  }
}

template <class T>
bool ChunkCutter<T>::is_within(const std::string& name) const {
  for (const Axis& axis : plan_.axes) {
    if (axis.name != name) continue;
    AxisId outer = axis.within;
    while (outer != kNone && outer != axis_) outer = plan_.axes[static_cast<std::size_t>(outer)].within;
    return outer != kNone;
  }
  return false;
}

// Nothing that a chunk plan needs lies on such an axis.
template <class T>
bool ChunkCutter<T>::within_computed(AxisId axis) const {
  for (AxisId outer = plan_.axes[static_cast<std::size_t>(axis)].within; outer != kNone;) {
    const Axis& around = plan_.axes[static_cast<std::size_t>(outer)];
    if (!around.fed()) return true;
    outer = around.within;
  }
  return false;
}

template <class T>
void ChunkCutter<T>::find_inner() {
  inner_.clear();
  for (AxisId id = 0; id < static_cast<AxisId>(plan_.axes.size()); ++id) {
    const Axis& axis = plan_.axes[static_cast<std::size_t>(id)];
    const auto given = batch_->lengths.find(axis.name);
    if (given == batch_->lengths.end() || !is_within(axis.name) || within_computed(id)) continue;
    inner_.push_back({axis.name, &given->second, runs_within(id)});
    if (inner_.back().begin.back() != given->second.size()) {
      raise("lengths of " + axis.name + ": expected " + std::to_string(inner_.back().begin.back()) + ", one for each run, found " +
            std::to_string(given->second.size()));
    }
  }
}

// One run at each point of t, or as many as the enclosing axis has positions there.
template <class T>
std::vector<std::size_t> ChunkCutter<T>::runs_within(AxisId axis) const {
  const AxisId outer = plan_.axes[static_cast<std::size_t>(axis)].within;
  std::vector<std::size_t> begin(offset_.back() + 1);
  if (outer == axis_) {
    std::iota(begin.begin(), begin.end(), std::size_t{0});
    return begin;
  }
  const std::string& name = plan_.axes[static_cast<std::size_t>(outer)].name;
  const auto parent = std::find_if(inner_.begin(), inner_.end(), [&](const Inner& inner) { return inner.name == name; });
  if (parent == inner_.end()) raise("lengths within " + name + " can be cut in chunks only if those of " + name + " are given, too");
  for (std::size_t p = 0; p + 1 < begin.size(); ++p) {
    begin[p + 1] = begin[p];
    for (std::size_t run = parent->begin[p]; run < parent->begin[p + 1]; ++run) {
      begin[p + 1] += static_cast<std::size_t>((*parent->lengths)[run]);
    }
  }
  return begin;
}

template <class T>
void ChunkCutter<T>::cut(std::int64_t first, std::int64_t count, Batch<T>& chunk) const {
  for (const NodeId id : plan_.inputs) {
    const PlanValue& value = plan_.value(id);
    const auto fed = batch_->inputs.find(value.name);
    if (on_axis(value.space) && fed != batch_->inputs.end()) cut(fed->second, value, first, count, chunk.inputs[value.name]);
  }
  const auto here = [&](std::int32_t length) { return std::clamp<std::int64_t>(length - first, 0, count); };
  std::vector<std::int32_t>& lengths = chunk.lengths["t"];
  lengths.clear();
  for (const std::int32_t length : lengths_) lengths.push_back(static_cast<std::int32_t>(here(length)));
  for (const Inner& inner : inner_) {
    std::vector<std::int32_t>& part = chunk.lengths[inner.name];
    part.clear();
    for (std::size_t row = 0; row < lengths_.size(); ++row) {
      if (lengths[row] == 0) continue;
      const std::size_t point = offset_[row] + static_cast<std::size_t>(first);
      const auto from = inner.lengths->begin();
      part.insert(part.end(), from + static_cast<std::ptrdiff_t>(inner.begin[point]),
                  from + static_cast<std::ptrdiff_t>(inner.begin[point + static_cast<std::size_t>(lengths[row])]));
    }
  }
}

// Positions that the array lacks are missed, and reported, by the run that gets the part.
template <class T>
void ChunkCutter<T>::cut(const Array<T>& from, const PlanValue& value, std::int64_t first, std::int64_t count, Array<T>& part) const {
  const std::size_t at = column(value.space);
  part.dims = from.dims;
  if (from.dims.size() != 1 + value.space.axes().size() + value.shape.size() ||
      product(from.dims, 0, from.dims.size()) != static_cast<std::int64_t>(from.data.size())) {
    part.data = from.data;
    return;
  }
  const std::int64_t inner = product(from.dims, at + 1, from.dims.size());
  const std::int64_t positions = from.dims[at];
  part.dims[at] = std::clamp<std::int64_t>(positions - first, 0, count);
  part.data.clear();
  for (std::int64_t outer = 0; outer < product(from.dims, 0, at); ++outer) {
    const auto begin = from.data.begin() + (outer * positions + std::min(first, positions)) * inner;
    part.data.insert(part.data.end(), begin, begin + part.dims[at] * inner);
  }
}

template class ChunkCutter<float>;
template class ChunkCutter<double>;

}  // namespace tapeloop
