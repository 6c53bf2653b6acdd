#include "runtime/training/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "runtime/draws.h"
#include "runtime/training/batch_order.h"

namespace tapeloop {
namespace {

std::uint64_t step_seed(std::uint64_t seed, std::int64_t step) {
  const PhiloxKey key = draw_key(seed, static_cast<std::uint64_t>(step));
  return std::uint64_t{key[1]} << 32 | key[0];
}

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

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
      evaluator_(eval, train, spec_, {.seed = seed, .threads = spec_.threads}) {
  parameters_.initialise(seed);
  bind(train_);
  bind(evaluator_.run());
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
  evaluator_.decode_with(std::move(plan));
  bind(evaluator_.decoder()->run());
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

// Every batch of a step has draws of its own.
template <class T>
std::uint64_t Trainer<T>::draws_seed() const {
  return step_seed(seed_, (optimizer_->steps() + state_.skipped) * spec_.accumulate + state_.waiting);
}

// Forward and backward; returns the loss.
template <class T>
double Trainer<T>::run_step(const Batch<T>& batch) {
  const auto once = [&](auto& run) {
    run.set_seed(draws_seed());
    run.forward(batch);
    run.backward();
    return run.loss();
  };
  return chunked_ ? once(*chunked_) : once(train_);
}

template <class T>
StepResult Trainer<T>::step(const Batch<T>& batch) {
  state_.waiting = 0;
  const double loss = run_step(batch);
  gather_gradients();
  return take_step(loss, batch);
}

template <class T>
double Trainer<T>::add_batch(const Batch<T>& batch) {
  const double loss = run_step(batch);
  const double weight = loss_positions(train_.plan(), batch);
  gather_gradients();
  hold_frozen();
  if (state_.waiting == 0) {
    sum_.fill(0);
    state_.waiting_loss = state_.waiting_weight = 0;
  }
  const std::span<const T> gradient = std::as_const(gradient_).block();
  const bool finite = std::isfinite(loss) && std::isfinite(gradient_norm<T>(gradient));
  if (!finite) leave_out(loss, batch);
  ++state_.waiting;
  if (!finite) return std::nan("");
  const std::span<T> sum = sum_.block();
  for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += static_cast<T>(weight) * gradient[k];
  state_.waiting_loss += weight * loss;
  state_.waiting_weight += weight;
  return loss;
}

template <class T>
void Trainer<T>::hold_frozen() {
  for (const Slowed& slowed : slowed_) {
    if (slowed.factor == 0) std::fill_n(gradient_.values(slowed.entry).begin(), slowed.before.size(), T(0));
  }
}

// By what is in gradient_, of `batch` last. Clipping would hide what is infinite, so the length is taken before.
template <class T>
StepResult Trainer<T>::take_step(double loss, const Batch<T>& batch) {
  hold_frozen();
  StepResult result{loss, gradient_norm<T>(std::as_const(gradient_).block()), true};
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
    leave_out(loss, batch);
    result.taken = false;
    return result;
  }
  if (spec_.clip_value > 0) {
    clip_by_value<T>(gradient_.block(), spec_.clip_value);
    result.gradient_norm = gradient_norm<T>(std::as_const(gradient_).block());
  }
  if (spec_.clip_norm > 0) clip_by_norm<T>(gradient_.block(), spec_.clip_norm);
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
void Trainer<T>::add_to_average() {
  if (spec_.average == 0) return;
  const T weight = static_cast<T>(std::max(1 - spec_.average, 1 / static_cast<double>(++state_.averaged)));
  const std::span<const T> now = std::as_const(parameters_).block();
  const std::span<T> average = average_.block();
  for (std::size_t k = 0; k < now.size(); ++k) average[k] += weight * (now[k] - average[k]);
}

// Into the block that the runs are bound to, and back.
template <class T>
void Trainer<T>::exchange_average() {
  if (state_.averaged > 0) std::swap_ranges(parameters_.block().begin(), parameters_.block().end(), average_.block().begin());
}

// A step for every few positions of the batch, from the first that is not done; `between` is asked between two of them whether to go on.
template <class T>
std::optional<double> Trainer<T>::train_truncated(const Batch<T>& batch, const std::function<bool()>& between) {
  const std::int64_t every = spec_.truncate->every, back = spec_.truncate->back;
  for (;;) {
    const std::int64_t first = state_.position, end = first + every;
    chunked_->set_seed(draws_seed());
    chunked_->forward(batch, {std::max<std::int64_t>(end - back, 0), first, end, std::max<std::int64_t>(end + every - back, 0)});
    chunked_->backward();
    gather_gradients();
    const double positions = static_cast<double>(chunked_->counted());
    const double loss = note_step(take_step(chunked_->loss(), batch));
    if (!std::isnan(loss)) {
      state_.part_loss += positions * loss;
      state_.part_weight += positions;
    }
    state_.position = end;
    if (end >= chunked_->longest()) break;
    if (!between()) return std::nullopt;
  }
  const double loss = state_.part_weight > 0 ? state_.part_loss / state_.part_weight : std::nan("");  // every step was left out
  state_.position = 0;
  state_.part_loss = state_.part_weight = 0;
  return loss;
}

template <class T>
double Trainer<T>::note_step(const StepResult& result) {
  if (!result.taken) return std::nan("");
  add_to_average();
  state_.gradient_norm = std::max(state_.gradient_norm, result.gradient_norm);
  return result.loss;
}

// A batch of an epoch, and a step if there are enough of them; the last one of an epoch ends with a step.
template <class T>
double Trainer<T>::train_on(const Batch<T>& batch, bool last) {
  if (spec_.accumulate == 1) return note_step(step(batch));
  const double loss = add_batch(batch);
  if (state_.waiting < spec_.accumulate && !last) return loss;
  if (state_.waiting_weight == 0) {  // each of them was left out
    state_.waiting = 0;
    return loss;
  }
  const std::span<const T> sum = std::as_const(sum_).block();
  const T part = static_cast<T>(1 / std::max(state_.waiting_weight, 1.0));
  for (std::size_t k = 0; k < sum.size(); ++k) gradient_.block()[k] = part * sum[k];
  state_.waiting = 0;
  note_step(take_step(state_.waiting_loss / std::max(state_.waiting_weight, 1.0), batch));
  return loss;
}

// Between two steps; false if the caller wants no more of them.
template <class T>
bool Trainer<T>::pause(const Callbacks& callbacks, const Progress& progress) {
  if (callbacks.batch && !callbacks.batch(progress)) return false;
  const CheckpointTimes& times = spec_.checkpoint_times;
  const bool by_steps = times.steps > 0 && steps() - saved_step_ >= times.steps;
  const bool by_time = times.seconds > 0 && seconds_since(saved_at_) >= times.seconds;
  if (by_steps || by_time) save(callbacks);
  return true;
}

template <class T>
void Trainer<T>::save(const Callbacks& callbacks) {
  if (callbacks.checkpoint) callbacks.checkpoint();
  saved_step_ = steps();
  saved_at_ = Clock::now();
}

// The rest of the epoch's batches. False: a callback ended it.
template <class T>
bool Trainer<T>::run_epoch(const Dataset& data, const Callbacks& callbacks) {
  const std::vector<std::uint32_t> order = batch_order(data, spec_, seed_, state_.epoch);
  const auto size = static_cast<std::size_t>(spec_.batch);
  const auto batches = static_cast<std::int64_t>((order.size() + size - 1) / size);
  const auto progress = [&] {
    return Progress{state_.epoch, spec_.epochs, state_.batch, batches, state_.loss / std::max(state_.weight, 1.0)};
  };
  while (state_.batch < batches) {
    const std::size_t first = static_cast<std::size_t>(state_.batch) * size;
    data.fill(Split::kTrain, std::span(order).subspan(first, std::min(size, order.size() - first)), batch_);
    if (state_.position == 0) state_.batch_step = steps();
    add_scheduled(spec_.inputs, state_.batch_step, batch_);
    const auto between = [&] { return pause(callbacks, progress()); };
    const std::optional<double> loss = spec_.truncate ? train_truncated(batch_, between) : train_on(batch_, state_.batch + 1 == batches);
    if (!loss) return false;
    if (!std::isnan(*loss)) {  // else its step was left out
      const double positions = loss_positions(train_.plan(), batch_);
      state_.loss += *loss * positions;
      state_.weight += positions;
    }
    ++state_.batch;
    if (!between()) return false;
  }
  return true;
}

// Validates, remembers what is best, and turns to the next epoch. False: a callback ended it.
template <class T>
bool Trainer<T>::end_epoch(const Dataset& data, const Callbacks& callbacks) {
  const bool validates = data.examples(Split::kValidation) > 0;
  const double train_loss = state_.weight > 0 ? state_.loss / state_.weight : std::nan("");  // every step was left out
  HistoryRow row{state_.epoch, steps(), train_loss, state_.gradient_norm, {}, 0, false};
  exchange_average();
  if (validates) row.validation = evaluator_.validate(data, state_.epoch);
  const bool on_training = !validates || (spec_.early_stopping && spec_.early_stopping->on == Split::kTrain);
  const double loss = on_training ? row.train_loss : row.validation.front().second;
  const double least = spec_.early_stopping ? spec_.early_stopping->least : 0;
  row.best = !std::isnan(loss) && (state_.best_epoch == 0 || loss < state_.best_loss - least);
  if (row.best) {
    state_.best_epoch = state_.epoch;
    state_.best_loss = loss;
    best_ = parameters_;
  }
  exchange_average();
  state_.waited = row.best ? 0 : state_.waited + 1;
  row.seconds = seconds_since(started_);
  state_.history.push_back(row);
  ++state_.epoch;
  state_.batch = 0;
  state_.loss = state_.weight = state_.gradient_norm = 0;
  const bool goes_on = !callbacks.epoch || callbacks.epoch(row);
  const std::int64_t epochs = spec_.checkpoint_times.epochs;
  if (goes_on && epochs > 0 && row.epoch % epochs == 0) save(callbacks);
  return goes_on;
}

template <class T>
bool Trainer<T>::has_stopped_early() const {
  return spec_.early_stopping && state_.waited >= spec_.early_stopping->patience;
}

template <class T>
FitResult<T> Trainer<T>::fit(const Dataset& data, const Callbacks& callbacks) {
  if (!restored_) {
    state_ = {};
    best_ = parameters_;
    if (spec_.average > 0) average_ = parameters_;
  }
  restored_ = false;
  note_ = callbacks.note;
  saved_at_ = Clock::now();
  saved_step_ = steps();
  started_ = saved_at_ - std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(state_.seconds));
  FitResult<T> result;
  while (!result.interrupted && state_.epoch <= spec_.epochs && !has_stopped_early()) {
    result.interrupted = !run_epoch(data, callbacks) || !end_epoch(data, callbacks);
  }
  save(callbacks);
  result.left_out = state_.skipped;
  note_left_out();
  result.history = state_.history;
  result.best_epoch = state_.best_epoch;
  result.best_loss = state_.best_loss;
  result.stopped_early = has_stopped_early();
  result.last = parameters_;
  exchange_average();
  // Copied into place: the runs are bound to this block.
  const bool chosen = spec_.early_stopping || data.examples(Split::kValidation) > 0;
  if (chosen && state_.best_epoch > 0) {
    std::copy(best_.block().begin(), best_.block().end(), parameters_.block().begin());
  }
  return result;
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace tapeloop
