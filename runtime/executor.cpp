#include "runtime/executor.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/diagnostics.h"
#include "runtime/worker_scope.h"

namespace tapeloop {
template <class T>
Executor<T>::Executor(std::shared_ptr<const Plan> plan, const RunOptions& options)
    : plan_(std::move(plan)),
      options_(options),
      feed_(*plan_),
      whole_(*plan_),
      whole_window_(feed_.window()),
      budget_(options.max_bytes),
      threads_(options.threads),
      packed_(plan_->instructions.size(), 0) {
  if (!plan_->executable) throw std::logic_error("a plan with free sizes cannot run");
  if (options_.shard_rows < 1) throw std::logic_error("a shard has at least one row");
  need_workers(1);
  cut(0);
  forward_ = bind_stages(*plan_, plan_->forward, shards_.front()->extents());
  backward_ = bind_stages(*plan_, plan_->backward, shards_.front()->extents());
}

template <class T>
void Executor<T>::bind_parameter(NodeId parameter, const T* data) {
  const BufferId id = plan_->value(parameter).buffer;
  if (id != kNone) whole_.bind(id, data);
  ++changes_;
}

template <class T>
T* Executor<T>::own_parameter(NodeId parameter) {
  const BufferId id = plan_->value(parameter).buffer;
  if (id == kNone) return nullptr;
  whole_.bind(id, nullptr);
  whole_.make_room(id);
  ++changes_;
  return whole_.data(id);
}

template <class T>
void Executor<T>::check_parameters() const {
  Diagnostics diagnostics;
  for (const NodeId id : plan_->parameters) {
    const PlanValue& value = plan_->value(id);
    if (value.buffer == kNone || whole_.has(value.buffer)) continue;
    diagnostics.error("E0712", value.source, "parameter '" + value.name + "' has no numbers yet");
  }
  raise_errors(diagnostics);
}

// Shards of shard_rows neighbouring rows, the last one maybe shorter; one without rows for a batch without.
template <class T>
void Executor<T>::cut(std::int64_t rows) {
  const std::int64_t of_each = options_.shard_rows;
  used_ = static_cast<std::size_t>(std::max<std::int64_t>((rows + of_each - 1) / of_each, 1));
  while (shards_.size() < used_) {
    shards_.push_back(
        std::make_unique<Shard<T>>(ShardSetting<T>{*plan_, feed_, whole_, budget_, options_.poison, options_.swapped, options_.positions}));
  }
  extents_.clear();
  for (std::size_t k = 0; k < used_; ++k) {
    const std::int64_t first = static_cast<std::int64_t>(k) * of_each;
    shards_[k]->start(first, std::min(of_each, rows - first));
    extents_.push_back(&shards_[k]->extents());
  }
}

template <class T>
void Executor<T>::need_workers(std::int64_t units) {
  while (static_cast<std::int64_t>(workers_.size()) < std::max(threads_.used(units), 1)) {
    workers_.push_back(std::make_unique<Worker<T>>(*plan_, feed_, whole_));
  }
}

template <class T>
template <class Do>
void Executor<T>::for_each_shard(bool shared, Do work) {
  if (!shared) {
    for (std::size_t k = 0; k < used_; ++k) work(*shards_[k], *workers_[0]);
    return;
  }
  need_workers(static_cast<std::int64_t>(used_));
  threads_.for_each(static_cast<std::int64_t>(used_), [&](std::int64_t unit, int thread) {
    work(*shards_[static_cast<std::size_t>(unit)], *workers_[static_cast<std::size_t>(thread)]);
  });
}

template <class T>
void Executor<T>::forward(const Batch<T>& batch) {
  const WorkerScope scope;
  ran_ = false;
  check_parameters();
  feed_.start(batch);
  budget_.clear();
  budget_.announce(whole_.needed());
  whole_.make_room();
  if (options_.poison) {
    whole_.begin_poison();
    whole_.poison();
  }
  whole_window_.start(0);
  feed_.pack_whole(whole_window_, whole_);
  cut(batch.rows);
  feed_.give_lengths(extents_);
  lengths_known();
  if (times_) times_->start();
  run(forward_);
  ran_ = true;
}

template <class T>
void Executor<T>::backward(const Cotangents<T>& cotangents) {
  if (!ran_) throw std::logic_error("backward without forward");
  const WorkerScope scope;
  feed_.start_seeds(cotangents);
  feed_.pack_whole_seeds(whole_window_, whole_);
  for_each_shard(shared_, [](Shard<T>& shard, Worker<T>&) { shard.prepare_backward(); });
  if (times_) times_->start();
  run(backward_);
}

// All of the memory is announced before any of it is taken.
template <class T>
void Executor<T>::lengths_known() {
  for (std::size_t k = 0; k < used_; ++k) shards_[k]->announce();
  for_each_shard(shared_, [](Shard<T>& shard, Worker<T>&) { shard.prepare(); });
}

template <class T>
void Executor<T>::run(const std::vector<Stage>& stages) {
  for (const Stage& stage : stages) {
    if (stage.strips != kNone) {
      run_strips(stage);
      continue;
    }
    if (stage.whole) {
      for (const Round& round : stage.rounds) run(round);
      continue;
    }
    shared_ = is_worth_sharing(stage.work);
    for_each_shard(shared_, [&](Shard<T>& shard, Worker<T>& worker) { worker.run(stage.parts, shard, running()); });
    if (!ran_ && strip_.axis == kNone && feed_.give_lengths(extents_))
      lengths_known();  // of axes within those whose lengths this stage has computed
  }
}

// Shards may have chunks of different sizes: each cuts its own runs. One without positions still makes sums zeros.
template <class T>
void Executor<T>::run_strips(const Stage& stage) {
  strips_ = 1;
  for (const Extents* extents : extents_) strips_ = std::max(strips_, extents->strips(stage.strips));
  for (std::int32_t k = 0; k < strips_; ++k) {
    strip_ = {stage.strips, stage.backwards ? strips_ - 1 - k : k, k > 0};
    run(stage.inner);
  }
  strip_ = {};
  strips_ = 1;
}

template <class T>
void Executor<T>::run(const Round& round) {
  const auto units = static_cast<std::int64_t>(round.units.size());
  const auto work = [&](std::int64_t k, int thread) {
    const Round::Unit& unit = round.units[static_cast<std::size_t>(k)];
    if (packed_before(unit.instruction)) return;
    workers_[static_cast<std::size_t>(thread)]->run(unit.instruction, unit.tile, shards(), running());
  };
  if (is_worth_sharing(round.work)) {
    need_workers(units);
    threads_.for_each(units, work);
  } else {
    for (std::int64_t k = 0; k < units; ++k) work(k, 0);
  }
}

// Weights of the run's own are packed again only after own_parameter has let somebody change them; the caller's may change any time.
template <class T>
bool Executor<T>::packed_before(InstructionId id) {
  const Instruction& made = plan_->instructions[static_cast<std::size_t>(id)];
  if (made.op != OpCode::kPack || !made.once || options_.poison) return false;
  for (const Operand& operand : made.operands) {
    if (!whole_.has_own(operand.buffer)) return false;
  }
  std::int64_t& packed = packed_[static_cast<std::size_t>(id)];
  return std::exchange(packed, changes_) == changes_;
}

template <class T>
bool Executor<T>::is_worth_sharing(const Work& work) const {
  if (times_) return false;
  std::int64_t all = 0;
  for (const auto& [layout, of_point] : work) {
    std::int64_t points = layout == kNone ? 1 : 0;
    for (std::size_t k = 0; layout != kNone && k < used_; ++k) points += shards_[k]->extents().layout(layout).points();
    all += points * of_point;
  }
  return all / strips_ >= options_.least_shared;
}

template <class T>
std::int64_t Executor<T>::bytes() const {
  std::int64_t total = whole_.bytes();
  for (const auto& shard : shards_) total += shard->buffers().bytes();
  return total;
}

template class Executor<float>;
template class Executor<double>;

}  // namespace tapeloop
