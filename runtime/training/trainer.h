// Training: forward, backward, clip, update; and around it epochs, validation, early stopping.
//
//   Trainer<float> trainer(train_plan, eval_plan, spec, seed);
//   FitResult<float> result = trainer.fit(dataset, callbacks);        // the best parameters are back in trainer.parameters()
//   NamedNumbers test = trainer.evaluate(dataset, Split::kTest);      // loss, mse, arv ..
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/diagnostics.h"
#include "core/plan.h"
#include "runtime/batch.h"
#include "runtime/chunked_run.h"
#include "runtime/run.h"
#include "runtime/training/dataset.h"
#include "runtime/training/evaluator.h"
#include "runtime/training/fit_state.h"
#include "runtime/training/metrics.h"
#include "runtime/training/optimizers.h"
#include "runtime/training/parameters.h"
#include "runtime/training/train_spec.h"

namespace tapeloop {

struct StepResult {
  double loss = 0;
  double gradient_norm = 0;  // before clipping by norm
  bool taken = true;         // false: not finite, with spec.on_nonfinite skip
};

struct Progress {
  std::int64_t epoch = 0;  // from 1
  std::int64_t epochs = 0;
  std::int64_t batch = 0;  // done in this epoch
  std::int64_t batches = 0;
  double loss = 0;  // mean over the epoch so far
};

// Return false to stop after this batch or epoch; an epoch that is stopped in its middle has no row of the history. With train.truncate
// `batch` is also asked between the steps of a batch.
struct Callbacks {
  std::function<bool(const Progress&)> batch;
  std::function<bool(const HistoryRow&)> epoch;
  // Time to keep trainer.checkpoint(): between two steps, as often as spec.checkpoint_times says, and when the training ends or is stopped.
  std::function<void()> checkpoint = {};
  std::function<void(const std::string&)> note = {};  // a sentence that the user should read: of steps that were skipped
};

template <class T>
struct FitResult {
  std::vector<HistoryRow> history;
  std::int64_t best_epoch = 0;  // 0: none
  double best_loss = 0;         // on the split that early stopping watches
  bool stopped_early = false;
  bool interrupted = false;   // a callback said so
  std::int64_t left_out = 0;  // steps, with spec.accumulate batches, that were not finite: spec.on_nonfinite skip
  Parameters<T> last;         // after the last step, whatever was restored
};

// Reports where `train:` does not fit the model: inputs that it lacks or that nothing feeds, other axes or shapes, an unknown
// output, predictions that cannot be held against their targets (E0810). `eval` is the same model for evaluation, whose outputs have all
// that train.metrics asks for.
void check_fit(const TrainSpec& spec, const Dataset& data, const Plan& plan, const Plan& eval, Diagnostics& diagnostics);

template <class T>
class Trainer {
 public:
  // train has a backward program; eval is the same model for evaluation (dropout off). Parameters start as their initialisers say.
  // REQUIRES: both executable, train with a loss. With `chunks`, the parts of `train`, a step runs them instead: see
  // spec.checkpoint.
  Trainer(std::shared_ptr<const Plan> train, std::shared_ptr<const Plan> eval, TrainSpec spec, std::uint64_t seed, ChunkPlans chunks = {});

  // The same model in mode decode: with it evaluate says what spec.decoding asks for. REQUIRES: executable, spec.decoding
  void decode_with(std::shared_ptr<const Plan> plan);

  Decoder<T>* decoder() { return evaluator_.decoder(); }  // null without decode_with

  Parameters<T>& parameters() { return parameters_; }
  const Parameters<T>& parameters() const { return parameters_; }
  Optimizer<T>& optimizer() { return *optimizer_; }

  // Says where in a batch a value is not finite, given the seed of the batch's draws; "" if none is. For the messages of `step`.
  using Finder = std::function<std::string(const Parameters<T>& parameters, const Batch<T>& batch, std::uint64_t seed)>;
  void find_with(Finder finder) { finder_ = std::move(finder); }

  // One update, by the gradient of this batch. Allocates nothing once the largest extents have been seen (but in chunks). A loss or
  // gradient that is not finite leaves the parameters as they are and throws ModelError E0815, which names it; or, if spec.on_nonfinite
  // says so, the step is not taken.
  StepResult step(const Batch<T>& batch);

  // Epochs of steps over the training split, each in an order of its own (a function of seed and epoch). With early stopping the
  // best parameters are put back at the end. With spec.average, what is validated and what is there at the end is the mean of the
  // parameters over the steps (Polyak & Juditsky 1992), old steps fading; it starts as a plain mean.
  FitResult<T> fit(const Dataset& data, const Callbacks& callbacks = {});

  // All that another process needs to go on with fit to the same bits. REQUIRES: called by callbacks.checkpoint.
  //   PARAMETER, best/PARAMETER, average/PARAMETER, sum/PARAMETER (of gradients), opt/RULE/SLOT/PARAMETER; state/NAME [rows, K, shape]:
  //   what the part of a batch before hands on; fit/.. and history/..: runtime/training/fit_state.h
  TensorFile checkpoint() const;
  // Another training left this: the next fit goes on from there. REQUIRES: the same plans, specification and seed. Throws FileError E0906
  // and E0908 for what does not fit; then this trainer is of no use. `path` is for messages.
  void restore(const TensorFile& file, const std::string& path);
  const std::vector<HistoryRow>& history() const { return state_.history; }

  // As Evaluator has them, of the parameters as they are.
  NamedNumbers evaluate(const Dataset& data, Split split) { return evaluator_.evaluate(data, split); }
  Array<T> predict(const Dataset& data, Split split, const std::string& output) { return evaluator_.predict(data, split, output); }

  std::int64_t steps() const { return optimizer_->steps(); }

 private:
  struct Gradient {
    std::size_t entry = 0;     // of parameters_
    std::size_t gradient = 0;  // of the plan
  };

  void bind(Run<T>& run);
  void find_rates();
  double run_step(const Batch<T>& batch);
  void gather_gradients();
  // Gradients of several batches make one step, each in proportion to the positions that its loss is a mean of. NaN: it is left out.
  double add_batch(const Batch<T>& batch);
  void hold_frozen();
  void leave_out(double loss, const Batch<T>& batch);
  void note_left_out() const;
  StepResult take_step(double loss, const Batch<T>& batch);
  void move_parameters();
  std::string not_finite(double loss, const Batch<T>& batch) const;
  std::uint64_t draws_seed() const;
  void add_to_average();
  void exchange_average();
  std::optional<double> train_truncated(const Batch<T>& batch, const std::function<bool()>& between);
  double train_on(const Batch<T>& batch, bool last);
  double note_step(const StepResult& result);
  bool pause(const Callbacks& callbacks, const Progress& progress);
  void save(const Callbacks& callbacks);
  bool run_epoch(const Dataset& data, const Callbacks& callbacks);
  bool end_epoch(const Dataset& data, const Callbacks& callbacks);
  bool has_stopped_early() const;

  void append_optimizer(TensorFile& file) const;
  void restore_optimizer(const TensorFile& file, const std::string& path);
  void restore_carried(const TensorFile& file, const std::string& path);

  TrainSpec spec_;
  std::uint64_t seed_;
  Parameters<T> parameters_;
  Parameters<T> gradient_;
  Parameters<T> average_;  // over the steps of fit, with spec.average
  Parameters<T> best_;
  FitState state_;
  Finder finder_;                                 // may be null
  std::function<void(const std::string&)> note_;  // of the fit at work; may be null
  bool restored_ = false;                         // state_ is that of another training
  std::chrono::steady_clock::time_point started_, saved_at_;
  std::int64_t saved_step_ = 0;
  std::vector<Gradient> gradients_;
  struct Slowed {
    std::size_t entry = 0;
    T factor = 1;
    std::vector<T> before;  // the step
  };
  std::vector<Slowed> slowed_;  // parameters with a rate of their own
  Parameters<T> sum_;           // of gradients, with spec.accumulate
  std::unique_ptr<Optimizer<T>> optimizer_;
  double base_rate_ = 0;  // the learning rate before the schedule
  Run<T> train_;
  std::unique_ptr<ChunkedRun<T>> chunked_;  // instead of train_; may be null
  Evaluator<T> evaluator_;
  Batch<T> batch_;
};

extern template class Trainer<float>;
extern template class Trainer<double>;

}  // namespace tapeloop
