#include "runtime/training/evaluator.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "runtime/training/scheduled_inputs.h"

namespace tapeloop {
namespace {

constexpr std::size_t kEvaluationRows = 256;  // of a batch of an evaluation, at least

std::vector<std::uint32_t> all_examples(std::size_t count) {
  std::vector<std::uint32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0U);
  return numbers;
}

NodeId output_node(const Plan& plan, const std::string& name) {
  for (const OutputRef& output : plan.outputs) {
    if (output.name == name) return output.node;
  }
  throw std::invalid_argument("the model has no output '" + name + "'");
}

}  // namespace

template <class T>
double loss_positions(const Plan& plan, const Batch<T>& batch) {
  for (const Instruction& instruction : plan.instructions) {
    if (instruction.op != OpCode::kCount) continue;
    double most = 0;
    bool known = false;
    for (const AxisId axis : instruction.counted.axes()) {
      const auto at = batch.lengths.find(plan.axes[static_cast<std::size_t>(axis)].name);
      if (at == batch.lengths.end()) continue;
      known = true;
      most = std::accumulate(at->second.begin(), at->second.end(), 0.0);
    }
    if (known) return most;
  }
  return static_cast<double>(batch.rows);
}

template <class T>
Evaluator<T>::Evaluator(std::shared_ptr<const Plan> plan, std::shared_ptr<const Plan> train, TrainSpec spec, const RunOptions& options)
    : spec_(std::move(spec)), options_(options), train_(std::move(train)), run_(std::move(plan), options) {}

template <class T>
void Evaluator<T>::decode_with(std::shared_ptr<const Plan> plan) {
  decoder_ = std::make_unique<Decoder<T>>(std::move(plan), spec_.decoding.value(), spec_.inputs, options_);
}

template <class T>
void Evaluator<T>::add_metrics(const MetricsSpec& spec, const Dataset& data, Split split, std::span<const std::uint32_t> numbers,
                               Sums& sums) {
  const auto reports = [&](Metric metric) { return std::find(spec.report.begin(), spec.report.end(), metric) != spec.report.end(); };
  const Array<T> scores = run_.value(output_node(run_.plan(), spec.output.name));
  const std::size_t size = scores.data.size() / numbers.size();  // of an example
  const bool classes = reports(Metric::kAccuracy);
  Dataset::Targets targets;
  if (!spec.target.name.empty()) targets = data.targets(split, numbers, data.input(spec.target.name));
  const std::size_t positions = targets.counts.size() / numbers.size();
  const std::size_t width = size / std::max<std::size_t>(positions, 1);
  std::vector<double> at_position(width);
  for (std::size_t row = 0; row < numbers.size(); ++row) {
    const auto from = scores.data.begin() + static_cast<std::ptrdiff_t>(row * size);
    std::vector<MetricSums*> both{&sums[0]};
    if (!spec.by.name.empty()) both.push_back(&sums[data.length(split, numbers[row], spec.by.name) + 1]);
    const double sum = std::accumulate(from, from + static_cast<std::ptrdiff_t>(size), 0.0);  // past the ends stand zeros
    for (MetricSums* to : both) to->add_example(sum);
    for (std::size_t p = 0; p < positions; ++p) {
      const std::size_t at = row * positions + p;
      if (!targets.counts[at]) continue;
      std::copy_n(from + static_cast<std::ptrdiff_t>(p * width), width, at_position.begin());
      for (MetricSums* to : both) {
        if (classes) to->add_class(at_position, std::llround(targets.values[at * targets.elements]));
        for (std::size_t e = 0; e < targets.elements && width == targets.elements; ++e) {
          to->add(data.original(data.input(spec.target.name), e, at_position[e]), targets.values[at * targets.elements + e]);
        }
      }
    }
  }
}

template <class T>
NamedNumbers Evaluator<T>::evaluate(const Dataset& data, Split split) {
  NamedNumbers results = evaluate_given_truth(data, split);
  const bool held = decoder_ && !spec_.decoding->report.empty();
  const NamedNumbers decoded = held ? decoder_->evaluate(data, split) : NamedNumbers();
  results.insert(results.end(), decoded.begin(), decoded.end());
  return results;
}

template <class T>
NamedNumbers Evaluator<T>::validate(const Dataset& data, std::int64_t epoch) {
  const std::int64_t every = decoder_ ? spec_.decoding->every : 0;
  if (every > 0 && epoch % every == 0) return evaluate(data, Split::kValidation);
  NamedNumbers results = evaluate_given_truth(data, Split::kValidation);
  for (const DecodingMetric metric : every > 0 ? spec_.decoding->report : std::vector<DecodingMetric>()) {
    results.emplace_back(decoding_metric_name(metric), std::nan(""));
  }
  return results;
}

template <class T>
NamedNumbers Evaluator<T>::evaluate_given_truth(const Dataset& data, Split split) {
  const std::vector<std::uint32_t> numbers = all_examples(data.examples(split));
  const std::size_t size = std::max(static_cast<std::size_t>(spec_.batch), kEvaluationRows);
  double sum = 0;
  double weight = 0;
  std::vector<Sums> sums(spec_.metrics.size());
  for (std::size_t first = 0; first < numbers.size(); first += size) {
    const auto part = std::span(numbers).subspan(first, std::min(size, numbers.size() - first));
    data.fill(split, part, batch_);
    add_scheduled(spec_.inputs, std::nullopt, batch_);
    run_.forward(batch_);
    const double positions = loss_positions(*train_, batch_);
    sum += run_.loss() * positions;
    weight += positions;
    for (std::size_t k = 0; k < sums.size(); ++k) add_metrics(spec_.metrics[k], data, split, part, sums[k]);
  }
  NamedNumbers results{{"loss", sum / std::max(weight, 1.0)}};
  for (std::size_t k = 0; k < sums.size(); ++k) {
    const MetricsSpec& metrics = spec_.metrics[k];
    const std::string what = sums.size() > 1 ? metrics.output.name + " " : "";
    for (const auto& [length, part] : sums[k]) {
      const std::string which = length == 0 ? "" : " " + metrics.by.name + "=" + std::to_string(length - 1);
      for (const auto& [name, value] : part.results(metrics)) results.emplace_back(what + name + which, value);
    }
  }
  return results;
}

template <class T>
Array<T> Evaluator<T>::predict(const Dataset& data, Split split, const std::string& output) {
  data.fill(split, all_examples(data.examples(split)), batch_);
  add_scheduled(spec_.inputs, std::nullopt, batch_);
  run_.forward(batch_);
  return run_.value(output_node(run_.plan(), output));
}

template double loss_positions<float>(const Plan&, const Batch<float>&);
template double loss_positions<double>(const Plan&, const Batch<double>&);
template class Evaluator<float>;
template class Evaluator<double>;

}  // namespace tapeloop
