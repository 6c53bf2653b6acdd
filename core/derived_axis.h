// Axes whose lengths follow from those of other axes, and reads that go from the one to the other.
//
//   pool, window   [t] -> [p]     ceil(length / stride) windows, the last one maybe shorter
//   upsample       [p] -> [t]     each position several times
//   slice, concat  [t] -> [s]     some positions; one run after the other
//   reverse        [t] -> [t]
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tapeloop {

using AxisId = std::int32_t;

// How the length of a derived axis is found. Axes derived alike from the same axes are one axis.
struct Derivation {
  enum class Rule {
    kNone,    // from the data, or from a value
    kStride,  // a window for every `step` positions, rounded up
    kWindow,  // the positions of a window: `size`, fewer where the run ends. Lies within the kStride axis
    kRepeat,  // `step` positions for each
    kSlice,   // positions first .. end - 1; negative ones count from the end of the run
    kJoin,    // one run after the other
  };
  Rule rule = Rule::kNone;
  std::vector<AxisId> from;
  std::int32_t step = 1;
  std::int32_t size = 1;
  std::int32_t first = 0;
  std::int32_t end = 0;
  bool to_end = true;      // of a slice: `end` does not count
  bool backwards = false;  // of a window: it lies within the axis itself, which is read from its end
  bool operator==(const Derivation&) const = default;
};

// lengths: of the axes that it comes from, at one place; window: of kWindow, the position on the axis that it lies within. No more
// than the largest int32.
std::int32_t derived_length(const Derivation& derivation, std::span<const std::int32_t> lengths, std::int32_t window);

// Which position of the axis `from` a point reads, by its positions on other axes:
//   k = first + (sum of times * position) / divide - lengths of the runs `after`, counted from the start or backwards
// A point for which there is no position k reads zeros.
struct Remap {
  struct Step {
    AxisId axis = -1;
    std::int32_t times = 1;
    bool backwards = false;  // its position is counted from the end
    bool operator==(const Step&) const = default;
  };
  AxisId from = -1;
  std::vector<Step> steps;
  std::int32_t first = 0;  // negative: from the end, but not before the start
  std::int32_t divide = 1;
  std::vector<AxisId> after;
  bool backwards = false;
  bool operator==(const Remap&) const = default;

  bool steps_along(AxisId axis) const;
  // The position for a point, -1 if there is none. sum: of times * position; length: of the run read; skipped: of the runs `after`.
  std::int64_t position(std::int64_t sum, std::int64_t length, std::int64_t skipped) const;
};

// "t/4", "t*2", "t[1:-1]", "t + s": what an axis is called that the user has given no name. names: of the axes it comes from.
std::string derived_name(const Derivation& derivation, std::span<const std::string> names);

}  // namespace tapeloop
