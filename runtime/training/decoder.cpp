#include "runtime/training/decoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace tapeloop {
namespace {

constexpr std::size_t kRows = 256;  // of a batch

NodeId output_node(const Plan& plan, const std::string& name) {
  const auto is = [&](const OutputRef& output) { return output.name == name; };
  const auto at = std::find_if(plan.outputs.begin(), plan.outputs.end(), is);
  if (at == plan.outputs.end()) throw std::invalid_argument("the model has no output '" + name + "'");
  return at->node;
}

// By example. Of a search up to its end: behind it a hypothesis repeats its last token while others go on.
template <class T>
std::vector<std::vector<T>> tokens_said(const Run<T>& run, const std::string& output) {
  const Plan& plan = run.plan();
  const NodeId token = output_node(plan, output);
  std::vector<std::vector<T>> rows = run.ragged(token);
  const auto is = [&](const OutputRef& other) {
    return other.name == kSearchEnd && plan.value(other.node).space == plan.value(token).space;
  };
  const auto end = std::find_if(plan.outputs.begin(), plan.outputs.end(), is);
  if (end == plan.outputs.end() || plan.value(token).space.axes().size() != 1) return rows;
  const std::vector<std::vector<T>> ended = run.ragged(end->node);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const auto first = std::find_if(ended[k].begin(), ended[k].end(), [](T value) { return value != 0; });
    if (first != ended[k].end()) rows[k].resize(static_cast<std::size_t>(first - ended[k].begin()) + 1);
  }
  return rows;
}

}  // namespace

const char* decoding_metric_name(DecodingMetric) { return "sequence_error"; }

template <class T>
Decoder<T>::Decoder(std::shared_ptr<const Plan> plan, DecodingSpec spec, std::vector<ScheduledInput> scheduled, const RunOptions& options)
    : spec_(std::move(spec)), scheduled_(std::move(scheduled)), run_(std::move(plan), options) {}

// Data have the truth, too, and its lengths; decoding reads neither.
template <class T>
void Decoder<T>::feed_what_is_read() {
  add_scheduled(scheduled_, std::nullopt, batch_);
  for (const NodeId id : run_.plan().inputs) {
    if (run_.plan().value(id).buffer == kNone) batch_.inputs.erase(run_.plan().value(id).name);
  }
  for (const Axis& axis : run_.plan().axes) {
    if (!axis.fed()) batch_.lengths.erase(axis.name);
  }
}

template <class T>
std::vector<std::string> Decoder<T>::inputs() const {
  std::vector<std::string> names;
  for (const NodeId id : run_.plan().inputs) {
    const PlanValue& value = run_.plan().value(id);
    const auto scheduled = [&](const ScheduledInput& input) { return input.input.name == value.name; };
    if (value.buffer != kNone && std::none_of(scheduled_.begin(), scheduled_.end(), scheduled)) names.push_back(value.name);
  }
  return names;
}

template <class T>
std::vector<TokenIds> Decoder<T>::decode(const Dataset& data, Split split, std::span<const std::uint32_t> numbers,
                                         const Vocabulary& tokens) {
  data.fill(split, numbers, batch_);
  return said(tokens);
}

template <class T>
std::vector<TokenIds> Decoder<T>::sample(std::size_t count, const Vocabulary& tokens) {
  batch_ = {};
  batch_.rows = static_cast<std::int64_t>(count);
  return said(tokens);
}

template <class T>
std::vector<TokenIds> Decoder<T>::said(const Vocabulary& tokens) {
  feed_what_is_read();
  run_.forward(batch_);
  std::vector<TokenIds> result;
  for (const std::vector<T>& row : tokens_said(run_, spec_.output.name)) {
    TokenIds ids;
    for (const T value : row) {
      const auto id = static_cast<std::int64_t>(std::llround(value));
      if (!tokens.is_mark(id)) ids.push_back(id);
    }
    result.push_back(std::move(ids));
  }
  return result;
}

template <class T>
NamedNumbers Decoder<T>::evaluate(const Dataset& data, Split split) {
  const std::size_t target = data.input(spec_.target.name);
  std::vector<std::uint32_t> numbers(data.examples(split));
  std::iota(numbers.begin(), numbers.end(), 0U);
  std::size_t wrong = 0;
  for (std::size_t first = 0; first < numbers.size(); first += kRows) {
    const auto part = std::span(numbers).subspan(first, std::min(kRows, numbers.size() - first));
    const std::vector<TokenIds> said = decode(data, split, part, *data.vocabulary(target));
    for (std::size_t k = 0; k < part.size(); ++k) {
      const std::vector<TokenIds> right = data.answers(split, part[k], target);
      wrong += std::find(right.begin(), right.end(), said[k]) == right.end();
    }
  }
  NamedNumbers results;
  for (const DecodingMetric metric : spec_.report) {
    results.emplace_back(decoding_metric_name(metric), static_cast<double>(wrong) / static_cast<double>(numbers.size()));
  }
  return results;
}

template class Decoder<float>;
template class Decoder<double>;

}  // namespace tapeloop
