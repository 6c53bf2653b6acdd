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
  return static_cast<double>(*packed(plan().loss).data());
}

template <class T>
std::span<const T> Run<T>::packed(NodeId node) const {
  const PlanValue& value = plan().value(node);
  if (value.buffer == kNone || !value.readable) throw std::logic_error("'" + value.name + "' is not kept");
  const Buffers<T>& buffers = executor_->buffers();
  const std::int64_t width = elements(value.shape);
  if (width != buffers.of(value.buffer).elements) throw std::logic_error("'" + value.name + "' lies beside other values");
  return {buffers.data(value.buffer), static_cast<std::size_t>(buffers.rows(value.buffer) * buffers.of(value.buffer).elements)};
}

template <class T>
Array<T> Run<T>::value(NodeId node) const {
  const PlanValue& value = plan().value(node);
  if (value.buffer == kNone || !value.readable) throw std::logic_error("'" + value.name + "' is not kept");
  const T* first = executor_->buffers().data(value.buffer) + value.column;
  const std::int64_t stride = executor_->buffers().of(value.buffer).elements;
  const LayoutId order = executor_->buffers().of(value.buffer).layout;
  const std::vector<std::int64_t> shape = numbers(value.shape);
  const std::int64_t width = elements(value.shape);
  Array<T> array;
  if (order == kNone) {
    array.dims = shape;
    array.data.assign(first, first + width);
    return array;
  }
  const LayoutExtent& layout = extents().layout(order);
  const SpaceExtent& points = extents().points(layout);
  array.dims.push_back(rows());
  for (const AxisId axis : points.axes) array.dims.push_back(extents().longest(axis));
  std::int64_t places = 1;
  for (const std::int64_t dim : array.dims) places *= dim;
  array.dims.insert(array.dims.end(), shape.begin(), shape.end());
  array.data.assign(static_cast<std::size_t>(places * width), T(0));
  for (std::int32_t point = 0; point < layout.points(); ++point) {
    const std::int32_t* place = points.at(layout.canonical[static_cast<std::size_t>(point)]);
    std::int64_t row = place[0];
    for (std::size_t k = 1; k < points.width(); ++k) row = row * array.dims[k] + place[k];
    std::copy_n(first + point * stride, width, array.data.data() + row * width);
  }
  return array;
}

template <class T>
std::span<const T> Run<T>::gradient(std::size_t k) const {
  return packed(plan().gradients.at(k).second);
}

template <class T>
Array<T> Run<T>::gradient_value(std::size_t k) const {
  return value(plan().gradients.at(k).second);
}

template <class T>
std::int64_t Run<T>::bytes() const {
  return executor_->buffers().bytes();
}

template <class T>
std::int64_t Run<T>::rows() const {
  return extents().rows();
}

template <class T>
const Extents& Run<T>::extents() const {
  return executor_->extents();
}

template <class T>
const Tables& Run<T>::tables() const {
  return executor_->tables();
}

template class Run<float>;
template class Run<double>;

}  // namespace tapeloop
