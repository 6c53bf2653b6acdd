// In which order a training goes through its examples.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/training/dataset.h"
#include "runtime/training/train_spec.h"

namespace tapeloop {

// The examples of an epoch (from 1), batch after batch: a function of seed and epoch alone. With spec.bucket, examples that follow each
// other in the order are sorted by length, some batches at a time; then the batches are shuffled.
std::vector<std::uint32_t> batch_order(const Dataset& data, const TrainSpec& spec, std::uint64_t seed, std::int64_t epoch);

}  // namespace tapeloop
