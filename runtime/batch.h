// One batch as a user has it: examples side by side, padded, and their lengths.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/array.h"

namespace tapeloop {

template <class T>
struct Batch {
  std::int64_t rows = 0;
  // By input name: [rows, longest run of each axis (outermost first) or more, shape]. What lies past a run's end is never read.
  // Ints and bools are whole numbers stored as T. Cotangents of outputs go by the name of their seed, "d(y)".
  std::map<std::string, Array<T>> inputs;
  // By axis name, for axes whose lengths come from the data: one length for each point of the axes that it lies within, in the
  // order [example][outer position]..., without padding. For an axis within nothing that is one length an example.
  std::map<std::string, std::vector<std::int32_t>> lengths;
  std::vector<std::int64_t> example_ids;  // for random draws; empty: 0, 1, 2 ...
  // By axis name, where this batch is a chunk of longer runs: position of what comes first here, of each row, or one for all. For
  // random draws.
  std::map<std::string, std::vector<std::int32_t>> first_positions;
  std::string file = {};  // that the numbers were read from, for messages; empty: none
};

}  // namespace tapeloop
