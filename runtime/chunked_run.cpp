#include "runtime/chunked_run.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "core/chunk_names.h"
#include "core/diagnostics.h"

namespace tapeloop {
namespace {

std::int64_t count_of(const std::vector<std::int64_t>& dims) {
  std::int64_t count = 1;
  for (const std::int64_t dim : dims) count *= dim;
  return count;
}

template <class T>
void set_zeros(Array<T>& array, const std::vector<std::int64_t>& dims) {
  array.data.assign(static_cast<std::size_t>(count_of(dims)), T(0));
  array.dims = dims;
}

template <class T>
void add_to(Array<T>& sum, const Array<T>& more) {
  if (sum.dims != more.dims) throw std::logic_error("chunks leave sums of different sizes");
  for (std::size_t k = 0; k < more.data.size(); ++k) sum.data[k] += more.data[k];
}

// Copies between slot k of [rows, K, shape] and [rows, shape].
template <class T>
void put_slot(const Array<T>& from, std::int64_t k, Array<T>& to) {
  const std::int64_t rows = to.dims[0], slots = to.dims[1], width = rows == 0 ? 0 : count_of(from.dims) / rows;
  for (std::int64_t row = 0; row < rows; ++row) {
    std::copy_n(from.data.begin() + row * width, width, to.data.begin() + (row * slots + k) * width);
  }
}
template <class T>
void get_slot(const Array<T>& from, std::int64_t k, Array<T>& to) {
  const std::int64_t rows = from.dims[0], slots = from.dims[1];
  to.dims = from.dims;
  to.dims.erase(to.dims.begin() + 1);
  const std::int64_t width = rows == 0 ? 0 : count_of(to.dims) / rows;
  to.data.resize(static_cast<std::size_t>(rows * width));
  for (std::int64_t row = 0; row < rows; ++row) {
    std::copy_n(from.data.begin() + (row * slots + k) * width, width, to.data.begin() + row * width);
  }
}

const OutputRef* find_output(const Plan& plan, const std::string& name) {
  const auto at = std::find_if(plan.outputs.begin(), plan.outputs.end(), [&](const OutputRef& output) { return output.name == name; });
  return at == plan.outputs.end() ? nullptr : &*at;
}

const PlanValue* find_input(const Plan& plan, std::string_view name) {
  for (const NodeId id : plan.inputs) {
    if (plan.value(id).name == name) return &plan.value(id);
  }
  return nullptr;
}

template <class T>
std::int64_t bytes_of(const std::vector<Array<T>>& arrays) {
  std::int64_t bytes = 0;
  for (const Array<T>& array : arrays) bytes += static_cast<std::int64_t>(array.data.capacity() * sizeof(T));
  return bytes;
}
template <class Key, class T>
std::int64_t bytes_of(const std::map<Key, Array<T>>& arrays) {
  std::int64_t bytes = 0;
  for (const auto& [key, array] : arrays) bytes += static_cast<std::int64_t>(array.data.capacity() * sizeof(T));
  return bytes;
}

}  // namespace

template <class T>
ChunkedRun<T>::ChunkedRun(ChunkPlans plans, ChunkedRunOptions options)
    : plans_(std::move(plans)),
      options_(options),
      run_(plans_.chunk, options.run),
      tail_(plans_.tail, options.run),
      cutter_(*plans_.chunk) {
  sort_outputs();
}

template <class T>
void ChunkedRun<T>::sort_outputs() {
  const Plan& plan = *plans_.chunk;
  for (const NodeId id : plan.inputs) {
    const PlanValue& value = plan.value(id);
    if (!value.name.starts_with(kCarryPrefix)) continue;
    Carry carry{value.name, numbers(value.shape), {}, {}};
    for (std::int64_t k = 0; k < carry.dims[0]; ++k) {
      carry.slots.push_back(carried_out(value.name, k));
      carry.outputs.push_back(find_output(plan, carry.slots.back())->node);
    }
    carries_.push_back(std::move(carry));
  }
  for (const OutputRef& output : plan.outputs) {
    if (output.name.starts_with(kCarryPrefix)) continue;
    (output.name.starts_with(kSumPrefix) ? sums_ : outputs_).push_back({output.name, output.node});
  }
}

template <class T>
void ChunkedRun<T>::bind_parameter(const std::string& name, const T* data) {
  for (Run<T>* run : {&run_, &tail_}) {
    for (const NodeId id : run->plan().parameters) {
      if (run->plan().value(id).name == name) run->bind_parameter(id, data);
    }
  }
}

template <class T>
void ChunkedRun<T>::set_parameters(const std::map<std::string, Array<T>>& parameters) {
  run_.set_parameters(parameters);
  tail_.set_parameters(parameters);
}

template <class T>
void ChunkedRun<T>::set_seed(std::uint64_t seed) {
  run_.set_seed(seed);
  tail_.set_seed(seed);
}

template <class T>
void ChunkedRun<T>::forward(const Batch<T>& batch) {
  batch_ = &batch;
  cutter_.start(batch);
  const std::int64_t longest = cutter_.longest();
  positions_ = options_.positions > 0 ? options_.positions : chunk_positions(longest);
  chunks_ = std::max<std::int64_t>((longest + positions_ - 1) / positions_, 1);
  begins_.clear();
  for (std::int64_t k = 0; k <= chunks_; ++k) begins_.push_back(k * positions_);
  counted_ = 0;
  kept_.clear();
  run_chunks();
}

template <class T>
void ChunkedRun<T>::forward(const Batch<T>& batch, const ChunkWindow& window) {
  batch_ = &batch;
  cutter_.start(batch);
  begins_ = {window.begin, std::max(window.begin, window.counted), window.next, window.end};
  std::sort(begins_.begin(), begins_.end());
  begins_.erase(std::unique(begins_.begin(), begins_.end()), begins_.end());
  chunks_ = static_cast<std::int64_t>(begins_.size()) - 1;
  positions_ = window.end - window.begin;
  counted_ = std::max(window.begin, window.counted);
  if (window.begin == 0) kept_.clear();
  run_chunks();
  kept_ = handed_[static_cast<std::size_t>(std::find(begins_.begin(), begins_.end(), window.next) - begins_.begin())];
}

template <class T>
std::map<std::string, Array<T>> ChunkedRun<T>::kept() const {
  std::map<std::string, Array<T>> kept;
  for (std::size_t i = 0; i < kept_.size(); ++i) kept[carries_[i].name] = kept_[i];
  return kept;
}

template <class T>
void ChunkedRun<T>::set_kept(std::map<std::string, Array<T>> kept) {
  std::vector<Array<T>> arrays;
  for (const Carry& carry : carries_) {
    const auto at = kept.find(carry.name);
    if (at == kept.end()) throw std::invalid_argument("'" + carry.name + "', which the part of a batch before hands on, is missing");
    arrays.push_back(std::move(at->second));
  }
  if (kept.size() != carries_.size()) throw std::invalid_argument("more is handed on than this model has");
  kept_ = std::move(arrays);
}

template <class T>
std::int64_t ChunkedRun<T>::counted() const {
  std::int64_t positions = 0;
  for (const std::int32_t length : cutter_.lengths()) positions += std::clamp<std::int64_t>(length, counted_, begins_.back()) - counted_;
  return positions;
}

template <class T>
void ChunkedRun<T>::run_chunks() {
  prepare(chunk_batch_, *plans_.chunk);
  prepare(tail_batch_, *plans_.tail);
  handed_.resize(static_cast<std::size_t>(chunks_) + 1);
  for (std::vector<Array<T>>& handed : handed_) handed.resize(carries_.size());
  for (std::size_t i = 0; i < carries_.size(); ++i) {
    if (kept_.empty()) {
      set_zeros(handed_[0][i], on_rows(carries_[i].dims));
    } else {
      handed_[0][i] = kept_[i];
    }
  }
  parts_.clear();
  for (std::int64_t k = 0; k < chunks_; ++k) {
    run_chunk(k);
    hand_on(k);
  }
  run_tail();
}

template <class T>
std::vector<std::int64_t> ChunkedRun<T>::on_rows(const std::vector<std::int64_t>& dims) const {
  std::vector<std::int64_t> result{batch_->rows};
  result.insert(result.end(), dims.begin(), dims.end());
  return result;
}

// What is the same for all chunks. Inputs on t, and lengths of what lies within it, are cut for each.
template <class T>
void ChunkedRun<T>::prepare(Batch<T>& part, const Plan& plan) const {
  part.rows = batch_->rows;
  part.example_ids = batch_->example_ids;
  part.lengths.clear();
  for (const auto& [name, lengths] : batch_->lengths) {
    if (!cutter_.is_within(name)) part.lengths[name] = lengths;
  }
  part.lengths["t"] = cutter_.lengths();
  for (const NodeId id : plan.inputs) {
    const PlanValue& value = plan.value(id);
    const auto fed = batch_->inputs.find(value.name);
    if (fed != batch_->inputs.end() && !cutter_.on_axis(value.space)) part.inputs[value.name] = fed->second;
    if (value.name != kChunkLength) continue;
    part.inputs[value.name] = {{part.rows}, std::vector<T>(cutter_.lengths().begin(), cutter_.lengths().end())};
  }
}

template <class T>
void ChunkedRun<T>::run_chunk(std::int64_t k) {
  const std::int64_t first = begins_[static_cast<std::size_t>(k)], end = begins_[static_cast<std::size_t>(k) + 1];
  cutter_.cut(first, end - first, chunk_batch_);
  chunk_batch_.first_positions["t"] = {static_cast<std::int32_t>(first)};
  for (std::size_t i = 0; i < carries_.size(); ++i) chunk_batch_.inputs[carries_[i].name] = handed_[static_cast<std::size_t>(k)][i];
  for (const NodeId id : plans_.chunk->inputs) {
    const std::string& name = plans_.chunk->value(id).name;
    if (name == kChunkFirst) chunk_batch_.inputs[name] = {{}, {T(first == 0)}};
    if (name == kChunkPosition) chunk_batch_.inputs[name] = {{}, {static_cast<T>(first)}};
  }
  run_.forward(chunk_batch_);
}

// Takes what the chunk leaves to the next, to the tail and to the caller.
template <class T>
void ChunkedRun<T>::hand_on(std::int64_t k) {
  for (std::size_t i = 0; i < carries_.size(); ++i) {
    Array<T>& next = handed_[static_cast<std::size_t>(k) + 1][i];
    set_zeros(next, on_rows(carries_[i].dims));
    for (std::size_t slot = 0; slot < carries_[i].outputs.size(); ++slot) {
      put_slot(run_.value(carries_[i].outputs[slot]), static_cast<std::int64_t>(slot), next);
    }
  }
  const std::int64_t begin = begins_[static_cast<std::size_t>(k)];
  for (const Named& sum : sums_) {
    if (begin < counted_) break;
    Array<T> part = run_.value(sum.node);
    Array<T>& total = tail_batch_.inputs[sum.name];
    if (begin == counted_) {
      total = std::move(part);
    } else {
      add_to(total, part);
    }
  }
  for (const Named& output : outputs_) parts_[output.name].push_back(run_.value(output.node));
}

template <class T>
void ChunkedRun<T>::run_tail() {
  for (std::size_t i = 0; i < carries_.size(); ++i) {
    for (std::size_t slot = 0; slot < carries_[i].slots.size(); ++slot) {
      const std::string& name = carries_[i].slots[slot];
      if (find_input(*plans_.tail, name)) get_slot(handed_.back()[i], static_cast<std::int64_t>(slot), tail_batch_.inputs[name]);
    }
  }
  tail_.forward(tail_batch_);
}

template <class T>
void ChunkedRun<T>::backward() {
  backward(Cotangents<T>());
}

template <class T>
void ChunkedRun<T>::backward(const Cotangents<T>& cotangents) {
  if (!batch_) throw std::logic_error("backward without forward");
  take_cotangents(cotangents);
  tail_.backward(tail_seeds_);
  gradients_.clear();
  gradient_parts_.clear();
  add_gradients(tail_);
  seed_sums();
  for (std::int64_t k = chunks_ - 1; k >= 0; --k) {
    if (k + 1 < chunks_) run_chunk(k);  // the last one's tape is there
    seed_chunk(k);
    run_.backward(seeds_);
    add_gradients(run_);
  }
  for (auto& [name, parts] : gradient_parts_) std::reverse(parts.begin(), parts.end());
}

// By the name of the output or of its seed, from the caller or from the batch.
template <class T>
void ChunkedRun<T>::take_cotangents(const Cotangents<T>& cotangents) {
  tail_seeds_.clear();
  wanted_.clear();
  std::vector<std::string> names;
  for (const Named& output : outputs_) names.push_back(output.name);
  for (const OutputRef& output : plans_.tail->outputs) names.push_back(output.name);
  const auto take = [&](const std::string& name, const Array<T>& array) {
    for (const std::string& output : names) {
      if (name != output && name != "d(" + output + ")") continue;
      if (!find_output(*plans_.tail, output)) {
        wanted_[output] = &array;
      } else if (!plans_.tail->seeds.empty()) {
        tail_seeds_[output] = array;
      }
      return true;
    }
    return false;
  };
  for (const auto& [name, array] : batch_->inputs) {
    if (name.starts_with("d(")) take(name, array);
  }
  Diagnostics diagnostics;
  for (const auto& [name, array] : cotangents) {
    if (take(name, array)) continue;
    diagnostics.error("E0702", {}, "a cotangent for '" + name + "': there is no such output" + did_you_mean(name, names));
  }
  raise_errors(diagnostics);
}

// Each chunk adds to the sums alike; what the last one hands on is read by the tail.
template <class T>
void ChunkedRun<T>::seed_sums() {
  seeds_.clear();
  for (const Named& sum : sums_) {
    const auto found = gradients_.find(sum.name);
    if (found != gradients_.end()) seeds_[sum.name] = found->second;
  }
  for (const Carry& carry : carries_) {
    Array<T>& after = gradients_[carry.name];
    set_zeros(after, on_rows(carry.dims));
    for (std::size_t slot = 0; slot < carry.slots.size(); ++slot) {
      const auto found = gradients_.find(carry.slots[slot]);
      if (found != gradients_.end()) put_slot(found->second, static_cast<std::int64_t>(slot), after);
    }
  }
}

template <class T>
void ChunkedRun<T>::seed_chunk(std::int64_t k) {
  const std::int64_t begin = begins_[static_cast<std::size_t>(k)], end = begins_[static_cast<std::size_t>(k) + 1];
  if (begin < counted_) {
    for (const Named& sum : sums_) seeds_.erase(sum.name);
  }
  for (const Carry& carry : carries_) {
    for (std::size_t slot = 0; slot < carry.slots.size(); ++slot) {
      get_slot(gradients_.at(carry.name), static_cast<std::int64_t>(slot), seeds_[carry.slots[slot]]);
    }
  }
  for (const Named& output : outputs_) {
    const auto given = wanted_.find(output.name);
    if (given == wanted_.end()) continue;
    cutter_.cut(*given->second, plans_.chunk->value(output.node), begin, end - begin, seeds_[output.name]);
  }
}

template <class T>
void ChunkedRun<T>::add_gradients(const Run<T>& run) {
  const Plan& plan = run.plan();
  for (std::size_t g = 0; g < plan.gradients.size(); ++g) {
    const PlanValue& leaf = plan.value(plan.gradients[g].first);
    Array<T> gradient = run.gradient_value(g);
    if (cutter_.on_axis(leaf.space)) {
      gradient_parts_[leaf.name].push_back(std::move(gradient));
      continue;
    }
    const bool handed = &run == &run_ && leaf.name.starts_with(kCarryPrefix);
    const auto [at, is_new] = gradients_.try_emplace(leaf.name);
    if (is_new || handed) {
      at->second = std::move(gradient);
    } else {
      add_to(at->second, gradient);
    }
  }
}

template <class T>
double ChunkedRun<T>::loss() const {
  return tail_.loss();
}

// Parts side by side along a dim. On other axes each is as long as its own longest run: the rest is zeros.
template <class T>
Array<T> ChunkedRun<T>::joined(const std::vector<Array<T>>& parts, std::size_t column) const {
  Array<T> whole;
  std::vector<std::int64_t> dims = parts.front().dims;
  for (const Array<T>& part : parts) {
    for (std::size_t d = 0; d < dims.size(); ++d) dims[d] = std::max(dims[d], part.dims[d]);
  }
  dims[column] = cutter_.longest();
  set_zeros(whole, dims);
  std::int64_t first = 0;
  for (const Array<T>& part : parts) {
    for (std::int64_t element = 0; element < static_cast<std::int64_t>(part.data.size()); ++element) {
      std::int64_t left = element, place = 0, stride = 1;
      for (std::size_t d = dims.size(); d-- > 0; left /= part.dims[d], stride *= dims[d]) {
        place += (left % part.dims[d] + (d == column ? first : 0)) * stride;
      }
      whole.data[static_cast<std::size_t>(place)] = part.data[static_cast<std::size_t>(element)];
    }
    first += part.dims[column];
  }
  return whole;
}

template <class T>
Array<T> ChunkedRun<T>::value(const std::string& name) const {
  for (const Named& output : outputs_) {
    if (output.name == name) return joined(parts_.at(name), cutter_.column(plans_.chunk->value(output.node).space));
  }
  const OutputRef* output = find_output(*plans_.tail, name);
  if (!output) throw std::logic_error("there is no output '" + name + "'");
  return tail_.value(output->node);
}

template <class T>
Array<T> ChunkedRun<T>::gradient(const std::string& leaf) const {
  const auto sum = gradients_.find(leaf);
  if (sum != gradients_.end()) return sum->second;
  const auto parts = gradient_parts_.find(leaf);
  if (parts == gradient_parts_.end()) throw std::logic_error("there is no gradient of '" + leaf + "'");
  return joined(parts->second, cutter_.column(find_input(*plans_.chunk, leaf)->space));
}

template <class T>
bool ChunkedRun<T>::has_gradient(const std::string& leaf) const {
  return gradients_.contains(leaf) || gradient_parts_.contains(leaf);
}

template <class T>
std::int64_t ChunkedRun<T>::bytes() const {
  std::int64_t bytes = run_.bytes() + tail_.bytes() + bytes_of(chunk_batch_.inputs) + bytes_of(tail_batch_.inputs);
  for (const std::vector<Array<T>>& handed : handed_) bytes += bytes_of(handed);
  for (const auto* parts : {&parts_, &gradient_parts_}) {
    for (const auto& [name, arrays] : *parts) bytes += bytes_of(arrays);
  }
  return bytes + bytes_of(gradients_) + bytes_of(seeds_) + bytes_of(tail_seeds_);
}

template class ChunkedRun<float>;
template class ChunkedRun<double>;

}  // namespace tapeloop
