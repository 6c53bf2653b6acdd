#include "runtime/training/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "runtime/draws.h"
#include "runtime/training/shuffle.h"

namespace tapeloop {
namespace {

constexpr std::size_t kEvaluationRows = 256;  // of a batch of an evaluation, at least
constexpr std::size_t kBucketBatches = 50;    // that are sorted by length together

std::uint64_t step_seed(std::uint64_t seed, std::int64_t step) {
  const PhiloxKey key = draw_key(seed, static_cast<std::uint64_t>(step));
  return std::uint64_t{key[1]} << 32 | key[0];
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

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
Trainer<T>::Trainer(std::shared_ptr<const Plan> train, std::shared_ptr<const Plan> eval, TrainSpec spec, std::uint64_t seed,
                    ChunkPlans chunks)
    : spec_(std::move(spec)),
      seed_(seed),
      parameters_(*train),
      gradient_(*train),
      optimizer_(make_optimizer<T>(spec_.optimizer, parameters_.block().size())),
      train_(train, {.seed = seed, .threads = spec_.threads, .positions = spec_.checkpoint ? spec_.checkpoint->positions : 0}),
      eval_(eval, {.seed = seed, .threads = spec_.threads}) {
  parameters_.initialise(seed);
  bind(train_);
  bind(eval_);
  if (chunks.chunk) {
    const std::int64_t positions = spec_.checkpoint ? spec_.checkpoint->positions : 0;
    chunked_ = std::make_unique<ChunkedRun<T>>(std::move(chunks), ChunkedRunOptions{positions, {.seed = seed, .threads = spec_.threads}});
    for (const auto& entry : parameters_.entries()) {
      chunked_->bind_parameter(entry.spec.name, std::as_const(parameters_).block().data() + entry.offset);
    }
  }
  for (std::size_t k = 0; k < train->gradients.size(); ++k) {
    const auto at = std::find(train->parameters.begin(), train->parameters.end(), train->gradients[k].first);
    if (at != train->parameters.end()) gradients_.push_back({static_cast<std::size_t>(at - train->parameters.begin()), k});
  }
  find_rates();
  if (spec_.accumulate > 1) sum_ = gradient_;
  base_rate_ = optimizer_->learning_rate;
}

template <class T>
void Trainer<T>::find_rates() {
  for (std::size_t k = 0; k < parameters_.entries().size(); ++k) {
    const auto& entry = parameters_.entries()[k];
    const double rate = rate_of(spec_.rates, entry.spec.name);
    if (rate != 1) slowed_.push_back({k, static_cast<T>(rate), std::vector<T>(entry.size)});
  }
}

template <class T>
void Trainer<T>::bind(Run<T>& run) {
  for (const NodeId id : run.plan().parameters) {
    const auto* entry = parameters_.find(run.plan().value(id).name);
    if (!entry) throw std::invalid_argument("parameter '" + run.plan().value(id).name + "' is not in the training plan");
    run.bind_parameter(id, parameters_.block().data() + entry->offset);
  }
}

template <class T>
void Trainer<T>::decode_with(std::shared_ptr<const Plan> plan) {
  const RunOptions options{.seed = seed_, .threads = spec_.threads};
  decoder_ = std::make_unique<Decoder<T>>(std::move(plan), spec_.decoding.value(), spec_.inputs, options);
  bind(decoder_->run());
}

template <class T>
void Trainer<T>::gather_gradients() {
  if (chunked_) {
    for (std::size_t k = 0; k < gradient_.entries().size(); ++k) {
      if (!chunked_->has_gradient(gradient_.entries()[k].spec.name)) continue;  // a frozen parameter
      const Array<T> from = chunked_->gradient(gradient_.entries()[k].spec.name);
      std::copy(from.data.begin(), from.data.end(), gradient_.values(k).begin());
    }
    return;
  }
  for (const Gradient& gradient : gradients_) {
    const std::span<const T> from = train_.gradient(gradient.gradient);
    std::copy(from.begin(), from.end(), gradient_.values(gradient.entry).begin());
  }
}

// Forward and backward; returns the loss. Every batch of a step has draws of its own.
template <class T>
double Trainer<T>::run_step(const Batch<T>& batch) {
  const auto once = [&](auto& run) {
    run.set_seed(step_seed(seed_, optimizer_->steps() * spec_.accumulate + batches_));
    run.forward(batch);
    run.backward();
    return run.loss();
  };
  return chunked_ ? once(*chunked_) : once(train_);
}

template <class T>
StepResult Trainer<T>::step(const Batch<T>& batch) {
  batches_ = 0;
  const double loss = run_step(batch);
  gather_gradients();
  return take_step(loss);
}

template <class T>
double Trainer<T>::add_batch(const Batch<T>& batch) {
  const double loss = run_step(batch);
  const double weight = loss_positions(batch);
  gather_gradients();
  if (batches_ == 0) {
    sum_.fill(0);
    batch_loss_ = batch_weight_ = 0;
  }
  const std::span<const T> gradient = std::as_const(gradient_).block();
  const std::span<T> sum = sum_.block();
  for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += static_cast<T>(weight) * gradient[k];
  batch_loss_ += weight * loss;
  batch_weight_ += weight;
  ++batches_;
  return loss;
}

// By what is in gradient_.
template <class T>
StepResult Trainer<T>::take_step(double loss) {
  StepResult result{loss, 0};
  for (const Slowed& slowed : slowed_) {
    if (slowed.factor == 0) std::fill_n(gradient_.values(slowed.entry).begin(), slowed.before.size(), T(0));
  }
  if (spec_.clip_value > 0) clip_by_value<T>(gradient_.block(), spec_.clip_value);
  result.gradient_norm =
      spec_.clip_norm > 0 ? clip_by_norm<T>(gradient_.block(), spec_.clip_norm) : gradient_norm<T>(std::as_const(gradient_).block());
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) report_not_finite(result.loss);
  move_parameters();
  return result;
}

// Whatever the optimizer's rule: a parameter with a rate of its own goes that part of the way.
template <class T>
void Trainer<T>::move_parameters() {
  for (Slowed& slowed : slowed_) {
    const std::span<const T> values = std::as_const(parameters_).values(slowed.entry);
    std::copy(values.begin(), values.end(), slowed.before.begin());
  }
  optimizer_->learning_rate = base_rate_ * spec_.schedule.at(optimizer_->steps());
  optimizer_->step(parameters_.block(), std::as_const(gradient_).block());
  for (const Slowed& slowed : slowed_) {
    const std::span<T> values = parameters_.values(slowed.entry);
    for (std::size_t k = 0; k < values.size(); ++k) {
      values[k] = slowed.factor == 0 ? slowed.before[k] : slowed.before[k] + slowed.factor * (values[k] - slowed.before[k]);
    }
  }
}

template <class T>
void Trainer<T>::report_not_finite(double loss) const {
  const Plan& plan = train_.plan();
  std::string what = "the loss is " + std::to_string(loss);
  for (std::size_t k = 0; k < gradient_.entries().size() && std::isfinite(loss); ++k) {
    const std::span<const T> values = gradient_.values(k);
    if (std::all_of(values.begin(), values.end(), [](T v) { return std::isfinite(v); })) continue;
    what = "the gradient of '" + gradient_.entries()[k].spec.name + "' has entries that are not finite";
    break;
  }
  Diagnostics diagnostics;
  diagnostics.error("E0815", plan.loss == kNone ? Source{} : plan.value(plan.loss).source,
                    "in training step " + std::to_string(optimizer_->steps() + 1) + " " + what,
                    "a smaller train.optimizer.lr or train.clip: {norm: 1} may help; no parameter was changed by this step");
  throw ModelError(diagnostics.sorted());
}

// Of every epoch. With a bucket, examples that follow each other in the order are sorted by length, some batches at a time; then the
// batches are shuffled.
template <class T>
std::vector<std::uint32_t> Trainer<T>::order_of(const Dataset& data, std::int64_t epoch) const {
  std::vector<std::uint32_t> order = data.pass(Split::kTrain, epoch);
  const auto number = static_cast<std::uint32_t>(epoch);
  if (spec_.shuffle) shuffle(order, draw_key(seed_, draw_name("shuffle")), number);
  if (spec_.bucket.name.empty()) return order;
  const auto size = static_cast<std::size_t>(spec_.batch);
  const auto length = [&](std::uint32_t example) { return data.length(Split::kTrain, example, spec_.bucket.name); };
  const auto shorter = [&](std::uint32_t a, std::uint32_t b) { return length(a) < length(b); };
  for (std::size_t first = 0; first < order.size(); first += kBucketBatches * size) {
    const std::size_t last = std::min(order.size(), first + kBucketBatches * size);
    std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(first), order.begin() + static_cast<std::ptrdiff_t>(last), shorter);
  }
  if (!spec_.shuffle) return order;
  // A last batch that is not full stays the last.
  std::vector<std::uint32_t> batches(order.size() / size);
  std::iota(batches.begin(), batches.end(), 0U);
  shuffle(batches, draw_key(seed_, draw_name("bucket")), number);
  std::vector<std::uint32_t> result;
  for (const std::uint32_t batch : batches) {
    const auto from = order.begin() + static_cast<std::ptrdiff_t>(batch * size);
    result.insert(result.end(), from, from + spec_.batch);
  }
  result.insert(result.end(), order.begin() + static_cast<std::ptrdiff_t>(result.size()), order.end());
  return result;
}

template <class T>
void Trainer<T>::add_to_average() {
  if (spec_.average == 0) return;
  const T weight = static_cast<T>(std::max(1 - spec_.average, 1 / static_cast<double>(++averaged_)));
  const std::span<const T> now = std::as_const(parameters_).block();
  const std::span<T> average = average_.block();
  for (std::size_t k = 0; k < now.size(); ++k) average[k] += weight * (now[k] - average[k]);
}

// Into the block that the runs are bound to, and back.
template <class T>
void Trainer<T>::exchange_average() {
  if (averaged_ > 0) std::swap_ranges(parameters_.block().begin(), parameters_.block().end(), average_.block().begin());
}

// A step for every few positions of the batch; returns the mean of the losses, each weighted by its positions.
template <class T>
double Trainer<T>::train_truncated(const Batch<T>& batch, const std::function<double(const StepResult&)>& moved) {
  const std::int64_t every = spec_.truncate->every, back = spec_.truncate->back;
  double sum = 0, weight = 0;
  std::int64_t longest = 1;
  for (std::int64_t end = every; end - every < longest; end += every) {
    chunked_->set_seed(step_seed(seed_, optimizer_->steps()));
    chunked_->forward(batch, {std::max<std::int64_t>(end - back, 0), end - every, end, std::max<std::int64_t>(end + every - back, 0)});
    chunked_->backward();
    gather_gradients();
    longest = chunked_->longest();
    const double positions = static_cast<double>(chunked_->counted());
    sum += positions * moved(take_step(chunked_->loss()));
    weight += positions;
  }
  return sum / std::max(weight, 1.0);
}

// A batch of an epoch, and a step if there are enough of them; the last one of an epoch ends with a step.
template <class T>
double Trainer<T>::train_on(const Batch<T>& batch, bool last, HistoryRow& row) {
  const auto moved = [&](const StepResult& result) {
    add_to_average();
    row.gradient_norm = std::max(row.gradient_norm, result.gradient_norm);
    return result.loss;
  };
  if (spec_.truncate) return train_truncated(batch, moved);
  if (spec_.accumulate == 1) return moved(step(batch));
  const double loss = add_batch(batch);
  if (batches_ < spec_.accumulate && !last) return loss;
  const std::span<const T> sum = std::as_const(sum_).block();
  const T part = static_cast<T>(1 / std::max(batch_weight_, 1.0));
  for (std::size_t k = 0; k < sum.size(); ++k) gradient_.block()[k] = part * sum[k];
  batches_ = 0;
  moved(take_step(batch_loss_ / std::max(batch_weight_, 1.0)));
  return loss;
}

template <class T>
bool Trainer<T>::run_epoch(const Dataset& data, const Callbacks& callbacks, HistoryRow& row) {
  const std::vector<std::uint32_t> order = order_of(data, row.epoch);
  const auto size = static_cast<std::size_t>(spec_.batch);
  Progress progress{row.epoch, spec_.epochs, 0, static_cast<std::int64_t>((order.size() + size - 1) / size), 0};
  double sum = 0;
  double weight = 0;
  for (std::size_t first = 0; first < order.size(); first += size) {
    data.fill(Split::kTrain, std::span(order).subspan(first, std::min(size, order.size() - first)), batch_);
    add_scheduled(spec_.inputs, steps(), batch_);
    const bool last = first + size >= order.size();
    const double loss = train_on(batch_, last, row);
    const double positions = loss_positions(batch_);
    sum += loss * positions;
    weight += positions;
    row.train_loss = progress.loss = sum / std::max(weight, 1.0);
    ++progress.batch;
    if (callbacks.batch && !callbacks.batch(progress)) return false;
  }
  return true;
}

template <class T>
FitResult<T> Trainer<T>::fit(const Dataset& data, const Callbacks& callbacks) {
  const auto start = std::chrono::steady_clock::now();
  const bool validates = data.examples(Split::kValidation) > 0;
  FitResult<T> result;
  Parameters<T> best = parameters_;
  if (spec_.average > 0) average_ = parameters_;
  averaged_ = 0;
  std::int64_t waited = 0;
  for (std::int64_t epoch = 1; epoch <= spec_.epochs && !result.stopped_early && !result.interrupted; ++epoch) {
    HistoryRow row{epoch, 0, 0, 0, {}, 0, false};
    result.interrupted = !run_epoch(data, callbacks, row);
    row.steps = steps();
    exchange_average();
    if (validates) row.validation = validate(data, epoch);
    const bool on_training = !validates || (spec_.early_stopping && spec_.early_stopping->on == Split::kTrain);
    const double loss = on_training ? row.train_loss : row.validation.front().second;
    const double least = spec_.early_stopping ? spec_.early_stopping->least : 0;
    row.best = result.best_epoch == 0 || loss < result.best_loss - least;
    if (row.best) {
      result.best_epoch = epoch;
      result.best_loss = loss;
      best = parameters_;
    }
    exchange_average();
    waited = row.best ? 0 : waited + 1;
    result.stopped_early = spec_.early_stopping && waited >= spec_.early_stopping->patience;
    row.seconds = seconds_since(start);
    result.history.push_back(row);
    if (callbacks.epoch && !callbacks.epoch(row)) result.interrupted = true;
  }
  result.last = parameters_;
  exchange_average();
  // Copied into place: the runs are bound to this block.
  if (spec_.early_stopping) std::copy(best.block().begin(), best.block().end(), parameters_.block().begin());
  return result;
}

// How many positions the loss of this batch is a mean of; batches are joined in proportion. On axes within each other the innermost
// counts.
template <class T>
double Trainer<T>::loss_positions(const Batch<T>& batch) const {
  const Plan& plan = train_.plan();
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
void Trainer<T>::add_metrics(const MetricsSpec& spec, const Dataset& data, Split split, std::span<const std::uint32_t> numbers,
                             Sums& sums) {
  const auto reports = [&](Metric metric) { return std::find(spec.report.begin(), spec.report.end(), metric) != spec.report.end(); };
  const Array<T> scores = eval_.value(output_node(eval_.plan(), spec.output.name));
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
    if (!spec.by.name.empty()) both.push_back(&sums[data.length(split, numbers[row], spec.by.name)]);
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
NamedNumbers Trainer<T>::evaluate(const Dataset& data, Split split) {
  NamedNumbers results = evaluate_given_truth(data, split);
  const bool held = decoder_ && !spec_.decoding->report.empty();
  const NamedNumbers decoded = held ? decoder_->evaluate(data, split) : NamedNumbers();
  results.insert(results.end(), decoded.begin(), decoded.end());
  return results;
}

// Every epoch has the same numbers, those that it does not work out NaN.
template <class T>
NamedNumbers Trainer<T>::validate(const Dataset& data, std::int64_t epoch) {
  const std::int64_t every = decoder_ ? spec_.decoding->every : 0;
  if (every > 0 && epoch % every == 0) return evaluate(data, Split::kValidation);
  NamedNumbers results = evaluate_given_truth(data, Split::kValidation);
  for (const DecodingMetric metric : every > 0 ? spec_.decoding->report : std::vector<DecodingMetric>()) {
    results.emplace_back(decoding_metric_name(metric), std::nan(""));
  }
  return results;
}

template <class T>
NamedNumbers Trainer<T>::evaluate_given_truth(const Dataset& data, Split split) {
  const std::vector<std::uint32_t> numbers = all_examples(data.examples(split));
  const std::size_t size = std::max(static_cast<std::size_t>(spec_.batch), kEvaluationRows);
  double sum = 0;
  double weight = 0;
  std::vector<Sums> sums(spec_.metrics.size());
  for (std::size_t first = 0; first < numbers.size(); first += size) {
    const auto part = std::span(numbers).subspan(first, std::min(size, numbers.size() - first));
    data.fill(split, part, batch_);
    add_scheduled(spec_.inputs, std::nullopt, batch_);
    eval_.forward(batch_);
    const double positions = loss_positions(batch_);
    sum += eval_.loss() * positions;
    weight += positions;
    for (std::size_t k = 0; k < sums.size(); ++k) add_metrics(spec_.metrics[k], data, split, part, sums[k]);
  }
  NamedNumbers results{{"loss", sum / std::max(weight, 1.0)}};
  for (std::size_t k = 0; k < sums.size(); ++k) {
    const MetricsSpec& metrics = spec_.metrics[k];
    const std::string what = sums.size() > 1 ? metrics.output.name + " " : "";
    for (const auto& [length, part] : sums[k]) {
      const std::string which = length == 0 ? "" : " " + metrics.by.name + "=" + std::to_string(length);
      for (const auto& [name, value] : part.results(metrics)) results.emplace_back(what + name + which, value);
    }
  }
  return results;
}

template <class T>
Array<T> Trainer<T>::predict(const Dataset& data, Split split, const std::string& output) {
  data.fill(split, all_examples(data.examples(split)), batch_);
  add_scheduled(spec_.inputs, std::nullopt, batch_);
  eval_.forward(batch_);
  return eval_.value(output_node(eval_.plan(), output));
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace tapeloop
