#include "models/facade/stepper.h"

#include <fmt/format.h>

#include <numeric>
#include <utility>

#include "core/chunk_names.h"

namespace tapeloop {
namespace {

bool on_axis(const PlanValue& value) { return !value.space.axes().empty(); }

}  // namespace

template <class T>
Stepper<T>::Stepper(const Model& model, std::int64_t rows, SessionOptions options) : streams_(model, std::move(options)) {
  ids_.resize(static_cast<std::size_t>(rows));
  std::iota(ids_.begin(), ids_.end(), 0);
  batch_.rows = rows;
  batch_.lengths["t"].assign(ids_.size(), 1);
  const Plan& plan = streams_.plan();
  for (const NodeId id : plan.inputs) {
    const PlanValue& input = plan.value(id);
    if (input.name.starts_with(kCarryPrefix)) continue;  // the streams' own
    const std::vector<AxisId> axes = input.space.axes();
    if (axes.size() > 1 || (axes.size() == 1 && plan.axes[static_cast<std::size_t>(axes[0])].name != "t")) {
      throw ModelError({{Severity::kError, "E0732", input.source, fmt::format("input '{}' does not live on t alone", input.name),
                         "a model that is run step by step takes inputs on t, or on no axis"}});
    }
    Array<T>& array = batch_.inputs[input.name];
    array.dims = {rows};
    if (on_axis(input)) array.dims.push_back(1);
    for (const std::int64_t size : numbers(input.shape)) array.dims.push_back(size);
    std::int64_t size = 1;
    for (const std::int64_t dim : array.dims) size *= dim;
    array.data.assign(static_cast<std::size_t>(size), T(0));
  }
}

template <class T>
void Stepper<T>::reset() {
  position_ = 0;
  streams_.close();
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
  Arrays outputs = streams_.run(ids_, batch_);
  ++position_;
  const Plan& plan = streams_.plan();
  for (const OutputRef& output : plan.outputs) {
    const auto at = outputs.find(output.name);
    if (at != outputs.end() && on_axis(plan.value(output.node))) at->second.dims.erase(at->second.dims.begin() + 1);
  }
  return outputs;
}

template class Stepper<float>;
template class Stepper<double>;

}  // namespace tapeloop
