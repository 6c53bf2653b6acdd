// The stretches of a point program: parts that pass over memory once, and what goes from one to the other.
//
// A stretch is a code of point ops of one width (core/point_code.h), or one op with a kernel of its own. A program in one pass has
// stretches of its own for what is before, in and after the step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/plan.h"
#include "core/point_code.h"

namespace tapeloop {

// A register of the program that a stretch's code works with.
struct PointUse {
  std::int32_t id = kNone;  // kNone: of the code alone
  bool made = false;        // by the stretch
};

struct PointStretch {
  std::vector<std::size_t> ops;  // in the order in which they are done
  When when = When::kStep;
  bool wide = false;
  bool local = false;
  std::vector<PointCode> code;
  std::vector<PointCode> laid_out;  // the same, but each number of a row's has been laid out as a row
  std::vector<PointUse> uses;       // the code's registers
};

struct PointStretches {
  std::vector<PointStretch> all;
  std::vector<std::int32_t> tile;  // [op]: where its result goes; kNone: where it lies in memory, or it is never anywhere
  std::int64_t tiles = 0;
};

// wide: of each register.
template <class T>
PointStretches point_stretches(const Instruction& instruction, const std::vector<bool>& wide);

}  // namespace tapeloop
