#include "models/facade/stepper.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "compiler/passes/carry.h"

namespace tapeloop {
namespace {

SessionOptions stepping(SessionOptions options) {
  options.carry = true;
  options.gradients = false;
  return options;
}

std::int64_t product(const std::vector<std::int64_t>& dims, std::size_t from) {
  std::int64_t result = 1;
  for (std::size_t k = from; k < dims.size(); ++k) result *= dims[k];
  return result;
}

template <class T>
Array<T> zeros(std::vector<std::int64_t> dims) {
  const auto size = static_cast<std::size_t>(product(dims, 0));
  return {std::move(dims), std::vector<T>(size, T(0))};
}

bool on_axis(const Plan& plan, const PlanValue& value) { return !value.space.axes().empty() && !plan.axes.empty(); }

// Element e of the start value `distance` positions before the first one: a start may be one for all positions, one for each
// (one more dimension in front, the last is nearest), or stretched over the shape as in numpy.
template <class T>
T start_element(const Array<T>& start, std::int64_t row, bool per_row, const Shape& shape, std::int64_t distance, std::int64_t element) {
  const std::size_t first = per_row ? 1 : 0;
  const std::size_t rank = start.dims.size() - first;
  std::size_t dim = first;
  std::int64_t at = per_row ? row : 0;
  if (rank == shape.size() + 1) {
    const std::int64_t slot = start.dims[dim] - distance;
    if (slot < 0) return T(0);
    at = at * start.dims[dim] + slot;
    ++dim;
  }
  const std::vector<std::int64_t> sizes = numbers(shape);
  std::vector<std::int64_t> position(sizes.size());
  for (std::size_t k = sizes.size(); k-- > 0; element /= sizes[k]) position[k] = element % sizes[k];
  for (; dim < start.dims.size(); ++dim) {
    const std::size_t own = sizes.size() - (start.dims.size() - dim);  // aligned at the end
    at = at * start.dims[dim] + (start.dims[dim] == 1 ? 0 : position[own]);
  }
  return start.data[static_cast<std::size_t>(at)];
}

}  // namespace

template <class T>
Stepper<T>::Stepper(const Model& model, std::int64_t rows, SessionOptions options) : session_(model, stepping(std::move(options))) {
  batch_.rows = rows;
  batch_.lengths["t"].assign(static_cast<std::size_t>(rows), 1);
  const Plan& plan = session_.plan();
  for (const NodeId id : plan.inputs) {
    const PlanValue& input = plan.value(id);
    const std::vector<AxisId> axes = input.space.axes();
    if (axes.size() > 1 || (axes.size() == 1 && plan.axes[static_cast<std::size_t>(axes[0])].name != "t")) {
      throw ModelError({{Severity::kError, "E0732", input.source, fmt::format("input '{}' does not live on t alone", input.name),
                         "a model that is run step by step takes inputs on t, or on no axis"}});
    }
    std::vector<std::int64_t> dims{rows};
    if (on_axis(plan, input)) dims.push_back(1);
    for (const std::int64_t size : numbers(input.shape)) dims.push_back(size);
    batch_.inputs[input.name] = zeros<T>(dims);
  }
}

template <class T>
void Stepper<T>::reset() {
  position_ = 0;
  batch_.first_positions.clear();
  for (auto& [name, array] : batch_.inputs) {
    if (name.starts_with(kCarryPrefix)) std::fill(array.data.begin(), array.data.end(), T(0));
  }
}

template <class T>
void Stepper<T>::start() {
  const Plan& plan = session_.plan();
  const auto starts = [](const OutputRef& output) { return output.name.starts_with(kStartPrefix); };
  if (std::none_of(plan.outputs.begin(), plan.outputs.end(), starts)) return;
  session_.forward(batch_);  // start values may depend on inputs; what else comes out is not used
  for (const OutputRef& output : plan.outputs) {
    if (!starts(output)) continue;
    const std::string name = std::string(kCarryPrefix) + output.name.substr(kStartPrefix.size());
    const Array<T> start = session_.run().value(output.node);
    Array<T>& carried = batch_.inputs.at(name);  // [rows, K, shape]
    const std::int64_t lag = carried.dims[1], elements = product(carried.dims, 2);
    const Shape shape(carried.dims.begin() + 2, carried.dims.end());
    const bool per_row = plan.value(output.node).space.on_batch();
    for (std::int64_t k = 0; k < batch_.rows * lag * elements; ++k) {
      const std::int64_t row = k / (lag * elements), distance = lag - k / elements % lag;
      carried.data[static_cast<std::size_t>(k)] = start_element(start, row, per_row, shape, distance, k % elements);
    }
  }
}

template <class T>
void Stepper<T>::keep() {
  for (const OutputRef& output : session_.plan().outputs) {
    if (!output.name.starts_with(kCarryPrefix)) continue;
    const Array<T> value = session_.run().value(output.node);  // [rows, 1, shape]
    Array<T>& carried = batch_.inputs.at(output.name);
    const std::int64_t elements = product(carried.dims, 2), row_size = carried.dims[1] * elements;
    for (std::int64_t row = 0; row < batch_.rows; ++row) {
      const auto begin = carried.data.begin() + row * row_size;
      std::copy(begin + elements, begin + row_size, begin);
      std::copy_n(value.data.begin() + row * elements, elements, begin + row_size - elements);
    }
  }
}

template <class T>
typename Stepper<T>::Arrays Stepper<T>::step(const Arrays& inputs) {
  for (const auto& [name, array] : inputs) {
    const auto known = batch_.inputs.find(name);
    if (known == batch_.inputs.end() || array.data.size() != known->second.data.size()) {
      throw ModelError(
          {{Severity::kError, "E0723", {}, fmt::format("input '{}': no such input, or another size than [rows, shape]", name), {}}});
    }
    known->second.data = array.data;
  }
  if (position_ == 0) start();
  batch_.first_positions["t"] = static_cast<std::int32_t>(position_);  // random draws are those of the whole run
  if (const auto place = batch_.inputs.find(std::string(kCarryPosition)); place != batch_.inputs.end()) {
    std::fill(place->second.data.begin(), place->second.data.end(), static_cast<T>(position_));
  }
  session_.forward(batch_);
  keep();
  ++position_;
  Arrays outputs;
  const Plan& plan = session_.plan();
  for (const OutputRef& output : plan.outputs) {
    if (output.name.starts_with(kCarryPrefix) || output.name.starts_with(kStartPrefix)) continue;
    Array<T> value = session_.run().value(output.node);
    if (on_axis(plan, plan.value(output.node))) value.dims.erase(value.dims.begin() + 1);
    outputs[output.name] = std::move(value);
  }
  return outputs;
}

template class Stepper<float>;
template class Stepper<double>;

}  // namespace tapeloop
