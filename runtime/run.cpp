#include "runtime/run.h"

#include <algorithm>
#include <stdexcept>

#include "core/diagnostics.h"
#include "runtime/executor.h"

namespace tapeloop {

template <class T>
Run<T>::Run(std::shared_ptr<const Plan> plan, RunOptions options) : executor_(std::make_unique<Executor<T>>(std::move(plan), options)) {}
template <class T>
Run<T>::Run(Run&&) noexcept = default;
template <class T>
Run<T>& Run<T>::operator=(Run&&) noexcept = default;
template <class T>
Run<T>::~Run() = default;

template <class T>
const Plan& Run<T>::plan() const {
  return executor_->plan();
}

template <class T>
void Run<T>::bind_parameter(NodeId parameter, const T* data) {
  executor_->bind_parameter(parameter, data);
}

template <class T>
void Run<T>::set_parameters(const std::map<std::string, Array<T>>& parameters) {
  Diagnostics diagnostics;
  std::vector<std::string> names;
  for (const NodeId id : plan().parameters) names.push_back(plan().value(id).name);
  for (const auto& [name, array] : parameters) {
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) {
      diagnostics.error("E0702", {}, "there is no parameter '" + name + "'" + did_you_mean(name, names));
      continue;
    }
    const NodeId id = plan().parameters[static_cast<std::size_t>(at - names.begin())];
    const PlanValue& value = plan().value(id);
    if (array.dims != numbers(value.shape) || static_cast<std::int64_t>(array.data.size()) != elements(value.shape)) {
      Shape found(array.dims.begin(), array.dims.end());
      diagnostics.error("E0703", value.source,
                        "parameter '" + name + "': expected " + plan().sizes.text(value.shape) + ", found " + plan().sizes.text(found) +
                            " with " + std::to_string(array.data.size()) + " numbers");
      continue;
    }
    if (T* room = executor_->own_parameter(id)) std::copy(array.data.begin(), array.data.end(), room);
  }
  raise_errors(diagnostics);
}

template <class T>
void Run<T>::set_seed(std::uint64_t seed) {
  executor_->set_seed(seed);
}

template <class T>
void Run<T>::set_times(InstructionTimes* times) {
  executor_->set_times(times);
}

template <class T>
void Run<T>::forward(const Batch<T>& batch) {
  executor_->forward(batch);
}

template <class T>
void Run<T>::backward() {
  static const Cotangents<T> kNothing;
  executor_->backward(kNothing);
}

template <class T>
void Run<T>::backward(const Cotangents<T>& cotangents) {
  executor_->backward(cotangents);
}

template <class T>
double Run<T>::loss() const {
  if (plan().loss == kNone) throw std::logic_error("the plan has no loss");
  return static_cast<double>(whole(plan().loss)[0]);
}

template <class T>
std::span<const T> Run<T>::whole(NodeId node) const {
  const PlanValue& value = plan().value(node);
  if (value.buffer == kNone || !value.readable) throw std::logic_error("'" + value.name + "' is not kept");
  const Buffers<T>& buffers = executor_->whole();
  if (buffers.of(value.buffer).layout != kNone) throw std::logic_error("'" + value.name + "' is on the batch");
  if (elements(value.shape) != buffers.of(value.buffer).elements) throw std::logic_error("'" + value.name + "' lies beside other values");
  return {buffers.data(value.buffer), static_cast<std::size_t>(buffers.of(value.buffer).elements)};
}

namespace {

// Puts what a shard has of a value into the array of the whole batch.
template <class T>
void unpack(const Shard<T>& shard, const PlanValue& value, Array<T>& array) {
  const BufferId id = value.buffer;
  const Buffers<T>& buffers = shard.buffers();
  const LayoutExtent& layout = shard.extents().layout(buffers.of(id).layout);
  const SpaceExtent& points = shard.extents().points(layout);
  const std::int64_t width = elements(value.shape);
  const T* from = buffers.data(id) + value.column;
  for (std::int32_t point = 0; point < layout.points(); ++point, from += buffers.of(id).elements) {
    const std::int32_t* place = points.at(layout.canonical[static_cast<std::size_t>(point)]);
    std::int64_t row = shard.first() + place[0];
    for (std::size_t k = 1; k < points.width(); ++k) row = row * array.dims[k] + place[k];
    std::copy_n(from, width, array.data.data() + row * width);
  }
}

}  // namespace

template <class T>
Array<T> Run<T>::value(NodeId node) const {
  const PlanValue& value = plan().value(node);
  if (value.buffer == kNone || !value.readable) throw std::logic_error("'" + value.name + "' is not kept");
  const std::vector<std::int64_t> shape = numbers(value.shape);
  Array<T> array;
  if (plan().buffers[static_cast<std::size_t>(value.buffer)].layout == kNone) {
    const std::span<const T> from = whole(node);
    array.dims = shape;
    array.data.assign(from.begin(), from.end());
    return array;
  }
  array.dims.push_back(rows());
  for (const AxisId axis : value.space.axes()) {
    std::int64_t longest = 0;
    for (const auto& shard : executor_->shards()) longest = std::max<std::int64_t>(longest, shard->extents().longest(axis));
    array.dims.push_back(longest);
  }
  array.dims.insert(array.dims.end(), shape.begin(), shape.end());
  std::int64_t count = 1;
  for (const std::int64_t dim : array.dims) count *= dim;
  array.data.assign(static_cast<std::size_t>(count), T(0));
  for (const auto& shard : executor_->shards()) unpack(*shard, value, array);
  return array;
}

template <class T>
std::vector<std::vector<T>> Run<T>::ragged(NodeId node) const {
  const PlanValue& value = plan().value(node);
  if (value.buffer == kNone || !value.readable) throw std::logic_error("'" + value.name + "' is not kept");
  std::vector<std::vector<T>> result(static_cast<std::size_t>(rows()));
  for (const auto& shard : executor_->shards()) {
    const Buffers<T>& buffers = shard->buffers();
    const LayoutExtent& layout = shard->extents().layout(buffers.of(value.buffer).layout);
    const SpaceExtent& points = shard->extents().points(layout);
    for (std::int32_t point = 0; point < layout.points(); ++point) {
      const std::int64_t place = layout.point_of[static_cast<std::size_t>(point)];
      const T* from = buffers.data(value.buffer) + place * buffers.of(value.buffer).elements + value.column;
      std::vector<T>& row = result[static_cast<std::size_t>(shard->first() + points.at(point)[0])];
      row.insert(row.end(), from, from + elements(value.shape));
    }
  }
  return result;
}

template <class T>
Array<T> Run<T>::lengths(AxisId axis) const {
  Array<T> array{{rows()}, {}};
  std::vector<AxisId> outer;
  for (AxisId a = plan().axes[static_cast<std::size_t>(axis)].within; a != kNone; a = plan().axes[static_cast<std::size_t>(a)].within) {
    outer.insert(outer.begin(), a);
  }
  std::int64_t count = rows();
  for (const AxisId a : outer) {
    std::int64_t longest = 0;
    for (const auto& shard : executor_->shards()) longest = std::max<std::int64_t>(longest, shard->extents().longest(a));
    array.dims.push_back(longest);
    count *= longest;
  }
  array.data.assign(static_cast<std::size_t>(count), T(0));
  for (const auto& shard : executor_->shards()) {
    const SpaceExtent& runs = shard->extents().within(axis);
    for (std::int32_t run = 0; run < runs.points; ++run) {
      std::int64_t at = shard->first() + runs.at(run)[0];
      for (std::size_t k = 1; k < runs.width(); ++k) at = at * array.dims[k] + runs.at(run)[k];
      array.data[static_cast<std::size_t>(at)] = static_cast<T>(shard->extents().lengths(axis)[static_cast<std::size_t>(run)]);
    }
  }
  return array;
}

template <class T>
std::span<const T> Run<T>::gradient(std::size_t k) const {
  return whole(plan().gradients.at(k).second);
}

template <class T>
Array<T> Run<T>::gradient_value(std::size_t k) const {
  return value(plan().gradients.at(k).second);
}

template <class T>
std::int64_t Run<T>::bytes() const {
  return executor_->bytes();
}

template <class T>
std::int64_t Run<T>::rows() const {
  return executor_->rows();
}

template <class T>
std::size_t Run<T>::shards() const {
  return executor_->shards().size();
}

template <class T>
const Shard<T>& Run<T>::shard(std::size_t k) const {
  return *executor_->shards()[k];
}

template class Run<float>;
template class Run<double>;

}  // namespace tapeloop
