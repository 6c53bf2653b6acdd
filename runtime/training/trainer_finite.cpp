// What a training does where a loss or gradient is not finite.
#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/training/trainer.h"

namespace tapeloop {
namespace {

constexpr std::int64_t kNotes = 10;  // of steps that are left out; then they are only counted

}  // namespace

// The batch whose loss, or gradient in gradient_, is not finite: ends the training, or is counted.
template <class T>
void Trainer<T>::leave_out(double loss, const Batch<T>& batch) {
  const std::string what = not_finite(loss, batch);
  if (!spec_.skips_nonfinite) {
    const Plan& plan = train_.plan();
    const std::string help =
        "a smaller train.optimizer.lr or train.clip: {norm: 1} may help, train.on_nonfinite: skip leaves such steps out; "
        "no parameter was changed by this step";
    throw ModelError({{Severity::kError, "E0815", plan.loss == kNone ? Source{} : plan.value(plan.loss).source, what, help}});
  }
  if (note_ && state_.skipped < kNotes) note_(what + (spec_.accumulate > 1 ? "; the batch is left out" : "; the step is left out"));
  ++state_.skipped;
}

// "in training step 12 the loss is inf: 'h' (m.yaml:7:6) is inf at t=5 of example 3"
template <class T>
std::string Trainer<T>::not_finite(double loss, const Batch<T>& batch) const {
  std::string what = "in training step " + std::to_string(optimizer_->steps() + state_.skipped + 1) + " ";
  if (!std::isfinite(loss)) what += "the loss is " + std::to_string(loss);
  for (std::size_t k = 0; k < gradient_.entries().size() && std::isfinite(loss); ++k) {
    const std::span<const T> values = gradient_.values(k);
    if (std::all_of(values.begin(), values.end(), [](T v) { return std::isfinite(v); })) continue;
    what += "the loss is finite, but the gradient of '" + gradient_.entries()[k].spec.name + "' is not";
    break;
  }
  const std::string where = finder_ ? finder_(parameters_, batch, draws_seed()) : "";
  return where.empty() ? what : what + ": " + where;
}

// At the end: how many there were.
template <class T>
void Trainer<T>::note_left_out() const {
  if (!note_ || state_.skipped == 0) return;
  const bool one = state_.skipped == 1;
  const std::string what = spec_.accumulate > 1 ? (one ? "batch was" : "batches were") : (one ? "step was" : "steps were");
  note_("in all " + std::to_string(state_.skipped) + " " + what +
        " left out, as the loss or its gradient was not finite (train.on_nonfinite: skip)");
}

template void Trainer<float>::leave_out(double, const Batch<float>&);
template void Trainer<double>::leave_out(double, const Batch<double>&);
template std::string Trainer<float>::not_finite(double, const Batch<float>&) const;
template std::string Trainer<double>::not_finite(double, const Batch<double>&) const;
template void Trainer<float>::note_left_out() const;
template void Trainer<double>::note_left_out() const;

}  // namespace tapeloop
