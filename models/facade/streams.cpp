#include "models/facade/streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "compiler/passes/carry.h"

namespace tapeloop {
namespace {

SessionOptions streaming(SessionOptions options) {
  options.carry = true;
  options.gradients = false;
  return options;
}

[[noreturn]] void refuse(const std::string& message) { throw ModelError({{Severity::kError, "E0733", {}, message, {}}}); }

template <class T>
Array<T> zeros(std::vector<std::int64_t> dims) {
  std::int64_t size = 1;
  for (const std::int64_t dim : dims) size *= dim;
  return {std::move(dims), std::vector<T>(static_cast<std::size_t>(size), T(0))};
}

bool is_input(const Plan& plan, std::string_view name) {
  return std::any_of(plan.inputs.begin(), plan.inputs.end(), [&](NodeId id) { return plan.value(id).name == name; });
}

}  // namespace

template <class T>
Streams<T>::Streams(const Model& model, SessionOptions options) : session_(model, streaming(std::move(options))) {
  for (const OutputRef& output : plan().outputs) {
    if (!output.name.starts_with(kCarryPrefix)) continue;
    for (const NodeId id : plan().inputs) {
      if (plan().value(id).name != output.name) continue;
      const std::vector<std::int64_t> dims = numbers(plan().value(id).shape);  // [K, shape]
      std::int64_t elements = 1;
      for (std::size_t d = 1; d < dims.size(); ++d) elements *= dims[d];
      const auto is_start = [&](const OutputRef& other) { return other.name == start_of(output.name); };
      const auto start = std::find_if(plan().outputs.begin(), plan().outputs.end(), is_start);
      carried_.push_back({output.name, dims, output.node, start == plan().outputs.end() ? kNone : start->node, elements});
    }
  }
}

template <class T>
std::int64_t Streams<T>::position(std::int64_t id) const {
  const auto at = states_.find(id);
  return at == states_.end() ? 0 : at->second.position;
}

template <class T>
typename Streams<T>::Arrays Streams<T>::run(const std::vector<std::int64_t>& ids, Batch<T> batch) {
  if (static_cast<std::int64_t>(ids.size()) != batch.rows) {
    refuse(fmt::format("expected a stream for each of {} rows, found {}", batch.rows, ids.size()));
  }
  std::set<std::int64_t> seen;
  for (const std::int64_t id : ids) {
    if (!seen.insert(id).second) refuse(fmt::format("stream {} is there twice: it has one row in a batch", id));
  }
  find_lengths(batch);
  take_up(ids, batch);
  session_.forward(batch);
  keep(ids, batch.lengths["t"]);
  Arrays outputs;
  for (const OutputRef& output : plan().outputs) {
    if (!output.name.starts_with(kCarryPrefix)) outputs[output.name] = session_.run().value(output.node);
  }
  return outputs;
}

// As a run finds them where they are not given: by the first input on t. If there is none, the run reports that.
template <class T>
void Streams<T>::find_lengths(Batch<T>& batch) const {
  if (batch.lengths.contains("t")) return;
  for (const NodeId id : plan().inputs) {
    const PlanValue& value = plan().value(id);
    const std::vector<AxisId> axes = value.space.axes();
    const auto fed = batch.inputs.find(value.name);
    const auto is_t = [&](AxisId axis) { return plan().axes[static_cast<std::size_t>(axis)].name == "t"; };
    const auto t = std::find_if(axes.begin(), axes.end(), is_t);
    const auto column = static_cast<std::size_t>(t - axes.begin()) + 1;
    if (t == axes.end() || fed == batch.inputs.end() || fed->second.dims.size() <= column) continue;
    batch.lengths["t"].assign(static_cast<std::size_t>(batch.rows), static_cast<std::int32_t>(fed->second.dims[column]));
    return;
  }
}

// Puts into the batch what its streams have kept; a new one has kept nothing.
template <class T>
void Streams<T>::take_up(const std::vector<std::int64_t>& ids, Batch<T>& batch) const {
  batch.example_ids = ids;
  std::vector<std::int32_t>& first = batch.first_positions["t"];
  first.clear();
  for (const std::int64_t id : ids) first.push_back(static_cast<std::int32_t>(position(id) & INT32_MAX));
  for (std::size_t k = 0; k < carried_.size(); ++k) {
    std::vector<std::int64_t> dims{batch.rows};
    dims.insert(dims.end(), carried_[k].dims.begin(), carried_[k].dims.end());
    Array<T>& array = batch.inputs[carried_[k].name] = zeros<T>(std::move(dims));
    auto to = array.data.begin();
    for (const std::int64_t id : ids) {
      const auto state = states_.find(id);
      if (state != states_.end()) std::copy(state->second.last[k].begin(), state->second.last[k].end(), to);
      to += carried_[k].dims[0] * carried_[k].elements;
    }
  }
  const auto fill = [&](std::string_view name, const auto& number_of) {
    if (!is_input(plan(), name)) return;
    Array<T>& array = batch.inputs[std::string(name)] = zeros<T>({batch.rows});
    for (std::size_t row = 0; row < ids.size(); ++row) array.data[row] = number_of(ids[row]);
  };
  fill(kCarryFirst, [&](std::int64_t id) { return T(position(id) == 0); });
  fill(kCarryPosition, [&](std::int64_t id) { return static_cast<T>(position(id)); });
}

// The last K of what a stream has kept and of this chunk, however short the chunk is. A stream that has had no position begins yet.
template <class T>
void Streams<T>::keep(const std::vector<std::int64_t>& ids, const std::vector<std::int32_t>& lengths) {
  for (const std::int64_t id : ids) {
    const auto [at, is_new] = states_.try_emplace(id);
    if (!is_new) continue;
    for (const Carried& carried : carried_) {
      at->second.last.emplace_back(static_cast<std::size_t>(carried.dims[0] * carried.elements), T(0));
    }
  }
  for (std::size_t k = 0; k < carried_.size(); ++k) {
    const Array<T> value = session_.run().value(carried_[k].value);                                             // [rows, longest, shape]
    const Array<T> before = carried_[k].start == kNone ? Array<T>() : session_.run().value(carried_[k].start);  // [rows, K, shape]
    const std::int64_t elements = carried_[k].elements, longest = value.dims[1];
    for (std::size_t row = 0; row < ids.size(); ++row) {
      std::vector<T>& last = states_.at(ids[row]).last[k];
      const auto size = static_cast<std::ptrdiff_t>(last.size());
      if (!before.data.empty()) std::copy_n(before.data.begin() + static_cast<std::ptrdiff_t>(row) * size, size, last.begin());
      const std::int64_t fresh = std::min<std::int64_t>(lengths[row], carried_[k].dims[0]);
      std::copy(last.begin() + fresh * elements, last.end(), last.begin());
      const auto end = value.data.begin() + (static_cast<std::int64_t>(row) * longest + lengths[row]) * elements;
      std::copy(end - fresh * elements, end, last.end() - fresh * elements);
    }
  }
  for (std::size_t row = 0; row < ids.size(); ++row) states_.at(ids[row]).position += lengths[row];
}

template class Streams<float>;
template class Streams<double>;

}  // namespace tapeloop
