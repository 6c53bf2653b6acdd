// One input of every record, as numbers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/training/cut.h"
#include "runtime/training/scaling.h"
#include "runtime/training/vocabulary.h"

namespace tapeloop {

struct InputNumbers {
  Packed packed;
  std::vector<std::int64_t> shape;
  std::vector<Scale> scales;  // of each element, or one of all
};

// `vocabulary` is that of the input, or null. Scales are counted on the records of split_of 0. Reports E0752, E0756, E0811, E0813 and
// E0817, at most twenty of them.
InputNumbers read_numbers(const DataInput& input, const std::vector<ColumnScale>& scales, const Records& records,
                          const std::vector<std::uint8_t>& split_of, const Vocabulary* vocabulary, Diagnostics& diagnostics);

}  // namespace tapeloop
