// Inputs of the model that no data give: numbers that training itself decides, step by step, such as the weight of a term of the loss
// that is to grow (KL annealing: Bowman et al. 2016, arXiv:1511.06349), or how often a decoder reads its own output (scheduled sampling).
//
//   inputs: {beta: {rule: linear, first: 0, last: 1, after: 500, over: 3000}, rate: 0.25}
//
//   linear     `first` for `after` steps, then in equal steps to `last` over `over` steps, then `last`
//   cosine     the same along half a cosine
//   a number   always that
//
// Validation, evaluation, prediction and decoding read `last`, whatever the step: so their losses may be compared from epoch to epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/diagnostics.h"
#include "core/tree.h"
#include "runtime/batch.h"
#include "runtime/training/data_spec.h"
#include "runtime/training/named_at.h"

namespace tapeloop {

struct ScheduledInput {
  enum class Rule { kLinear, kCosine };
  NamedAt input;  // of the model: a number, on no axis
  Rule rule = Rule::kLinear;
  double first = 0, last = 0;
  std::int64_t after = 0, over = 0;  // steps

  double at(std::int64_t step) const;  // step: from 0
};

// The section. Codes: those of tree_reader.h, E0808 for an input that train.data gives.
std::vector<ScheduledInput> read_scheduled_inputs(const Tree& tree, const DataSpec& data, Diagnostics& diagnostics);

// Gives every example of the batch the numbers of this step; without one, the last.
template <class T>
void add_scheduled(const std::vector<ScheduledInput>& inputs, std::optional<std::int64_t> step, Batch<T>& batch);

extern template void add_scheduled(const std::vector<ScheduledInput>&, std::optional<std::int64_t>, Batch<float>&);
extern template void add_scheduled(const std::vector<ScheduledInput>&, std::optional<std::int64_t>, Batch<double>&);

}  // namespace tapeloop
