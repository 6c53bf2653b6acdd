#include "models/facade/run_chunks.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <utility>

#include "models/facade/padded.h"
#include "models/facade/streams.h"

namespace tapeloop {
namespace {

std::int64_t elements_behind(const std::vector<std::int64_t>& dims, std::size_t axes) {
  std::int64_t count = 1;
  for (std::size_t d = axes; d < dims.size(); ++d) count *= dims[d];
  return count;
}

template <class T>
class Chunks {
 public:
  Chunks(const Model& model, const Prepared<T>& whole, const EvaluateOptions& options)
      : whole_(whole), options_(options), random_(options.seed), streams_(model, session_options()) {
    for (const auto& entry : streams_.parameters().entries()) {
      streams_.parameters().set(entry.spec.name, whole.parameters.at(entry.spec.name));
    }
    check_inputs();
    find_lengths();
  }

  typename Evaluated<T>::Arrays run() {
    done_.assign(lengths_.size(), 0);
    do {
      draw();
      take_out(streams_.run(ids_, part()));
      for (std::size_t k = 0; k < ids_.size(); ++k) done_[static_cast<std::size_t>(ids_[k])] += counts_[k];
    } while (done_ != lengths_);
    typename Evaluated<T>::Arrays outputs;
    for (const OutputRef& output : whole_.compiled.graph.outputs) outputs.emplace_back(output.name, std::move(outputs_[output.name]));
    return outputs;
  }

 private:
  SessionOptions session_options() const {
    SessionOptions result;
    result.mode = options_.mode;
    result.without = options_.without;
    result.seed = options_.seed;
    result.threads = options_.threads;
    const Plan& plan = whole_.compiled.plan;
    for (const auto* leaves : {&plan.inputs, &plan.parameters}) {
      for (const NodeId id : *leaves) result.shapes[plan.value(id).name] = numbers(plan.sizes.resolve(plan.value(id).shape));
    }
    return result;
  }

  bool on_t(const Plan& plan, Space space) const {
    const std::vector<AxisId> axes = space.axes();
    return std::any_of(axes.begin(), axes.end(), [&](AxisId axis) { return plan.axes[static_cast<std::size_t>(axis)].name == "t"; });
  }

  void check_inputs() const {
    const Plan& plan = whole_.compiled.plan;
    for (const NodeId id : plan.inputs) {
      const PlanValue& input = plan.value(id);
      if (!on_t(plan, input.space) || input.space.axes().size() == 1) continue;
      throw ModelError({{Severity::kError, "E0732", input.source, fmt::format("input '{}' lies on another axis besides t", input.name),
                         "--chunks cuts inputs that lie on t alone; Streams (C++) takes any"}});
    }
    for (const OutputRef& output : plan.outputs) {
      const PlanValue& value = plan.value(output.node);
      if (!on_t(plan, value.space) || plan.axes[static_cast<std::size_t>(value.space.axes().front())].name == "t") continue;
      throw ModelError({{Severity::kError, "E0732", value.source, fmt::format("output '{}' lies on t within another axis", output.name),
                         "--chunks puts together outputs of which t is the outermost axis; Streams (C++) gives any"}});
    }
    for (const auto& [axis, lengths] : whole_.batch.lengths) {
      if (static_cast<std::int64_t>(lengths.size()) == whole_.batch.rows) continue;
      throw ModelError({{Severity::kError,
                         "E0732",
                         {},
                         fmt::format("the lengths of axis '{}' are given for each position of another", axis),
                         "--chunks cuts inputs that lie on t alone; Streams (C++) takes any"}});
    }
  }

  // Of each example along t.
  void find_lengths() {
    const auto given = whole_.batch.lengths.find("t");
    if (given != whole_.batch.lengths.end()) {
      lengths_ = given->second;
      return;
    }
    const Plan& plan = whole_.compiled.plan;
    lengths_.assign(static_cast<std::size_t>(whole_.batch.rows), 0);
    for (const NodeId id : plan.inputs) {
      const auto fed = whole_.batch.inputs.find(plan.value(id).name);
      if (!on_t(plan, plan.value(id).space) || fed == whole_.batch.inputs.end()) continue;
      lengths_.assign(lengths_.size(), static_cast<std::int32_t>(fed->second.dims[1]));
      return;
    }
  }

  // Which streams this call has, and how many positions of each. The first call has all of them, with none.
  void draw() {
    const bool first = std::exchange(first_, false);
    ids_.resize(lengths_.size());
    std::iota(ids_.begin(), ids_.end(), 0);
    counts_.assign(ids_.size(), 0);
    if (first) return;
    std::shuffle(ids_.begin(), ids_.end(), random_);
    ids_.resize(1 + random_() % ids_.size());
    counts_.clear();
    for (const std::int64_t id : ids_) {
      const auto drawn = static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(options_.chunks + 1));
      const auto row = static_cast<std::size_t>(id);
      counts_.push_back(static_cast<std::int32_t>(std::min<std::int64_t>(drawn, lengths_[row] - done_[row])));
    }
  }

  Batch<T> part() const {
    Batch<T> part;
    part.rows = static_cast<std::int64_t>(ids_.size());
    const Plan& plan = whole_.compiled.plan;
    for (const auto& [axis, lengths] : whole_.batch.lengths) {
      for (const std::int64_t id : ids_) part.lengths[axis].push_back(lengths[static_cast<std::size_t>(id)]);
    }
    part.lengths["t"] = counts_;
    const std::int64_t longest = counts_.empty() ? 0 : *std::max_element(counts_.begin(), counts_.end());
    for (const NodeId id : plan.inputs) {
      const auto fed = whole_.batch.inputs.find(plan.value(id).name);
      if (fed == whole_.batch.inputs.end()) continue;
      const Array<T>& from = fed->second;
      const bool cut = on_t(plan, plan.value(id).space);
      Array<T>& to = part.inputs[fed->first];
      to.dims = from.dims;
      to.dims[0] = part.rows;
      if (cut) to.dims[1] = longest;
      const std::int64_t row_size = elements_behind(to.dims, 1), from_size = elements_behind(from.dims, 1);
      const std::int64_t elements = cut ? elements_behind(from.dims, 2) : from_size;
      to.data.assign(static_cast<std::size_t>(part.rows * row_size), T(0));
      for (std::size_t k = 0; k < ids_.size(); ++k) {
        const std::int64_t skip = cut ? done_[static_cast<std::size_t>(ids_[k])] : 0, count = cut ? counts_[k] : 1;
        std::copy_n(from.data.begin() + ids_[k] * from_size + skip * elements, count * elements,
                    to.data.begin() + static_cast<std::int64_t>(k) * row_size);
      }
    }
    return part;
  }

  // Runs of axes within t are as long as the longest of a call: both get room for the longer ones.
  static void fit(Array<T>& from, Array<T>& to, std::size_t first) {
    std::vector<std::int64_t> from_dims = from.dims, to_dims = to.dims;
    for (std::size_t d = first; d < from_dims.size(); ++d) from_dims[d] = to_dims[d] = std::max(from_dims[d], to_dims[d]);
    from = padded_to(from, from_dims);
    to = padded_to(to, to_dims);
  }

  // Puts what a call gave where it stands in the whole.
  void take_out(const typename Streams<T>::Arrays& found) {
    const std::int64_t longest = lengths_.empty() ? 0 : *std::max_element(lengths_.begin(), lengths_.end());
    for (const OutputRef& output : streams_.plan().outputs) {
      const auto at = found.find(output.name);
      if (at == found.end()) continue;
      Array<T> from = at->second;
      const bool cut = on_t(streams_.plan(), streams_.plan().value(output.node).space);
      const bool on_rows = streams_.plan().value(output.node).space.on_batch();
      Array<T>& to = outputs_[output.name];
      if (to.dims.empty()) {
        to.dims = from.dims;
        if (on_rows) to.dims[0] = whole_.batch.rows;
        if (!on_rows) to.dims.insert(to.dims.begin(), whole_.batch.rows);
        if (cut) to.dims[1] = longest;
        to.data.assign(static_cast<std::size_t>(elements_behind(to.dims, 0)), T(0));
      }
      if (on_rows) fit(from, to, cut ? 2 : 1);
      const std::int64_t to_size = elements_behind(to.dims, 1), from_size = on_rows ? elements_behind(from.dims, 1) : 0;
      const std::int64_t elements = cut ? elements_behind(from.dims, 2) : to_size;
      for (std::size_t k = 0; k < ids_.size(); ++k) {
        const std::int64_t skip = cut ? done_[static_cast<std::size_t>(ids_[k])] : 0, count = cut ? counts_[k] : 1;
        std::copy_n(from.data.begin() + static_cast<std::int64_t>(k) * from_size, count * elements,
                    to.data.begin() + ids_[k] * to_size + skip * elements);
      }
    }
  }

  const Prepared<T>& whole_;
  const EvaluateOptions& options_;
  std::mt19937_64 random_;
  Streams<T> streams_;
  std::vector<std::int32_t> lengths_, done_;  // [example]: positions
  std::vector<std::int64_t> ids_;             // of a call
  std::vector<std::int32_t> counts_;
  std::map<std::string, Array<T>> outputs_;
  bool first_ = true;
};

}  // namespace

template <class T>
typename Evaluated<T>::Arrays run_chunks(const Model& model, const Prepared<T>& whole, const EvaluateOptions& options) {
  return Chunks<T>(model, whole, options).run();
}

template typename Evaluated<float>::Arrays run_chunks(const Model&, const Prepared<float>&, const EvaluateOptions&);
template typename Evaluated<double>::Arrays run_chunks(const Model&, const Prepared<double>&, const EvaluateOptions&);

}  // namespace tapeloop
