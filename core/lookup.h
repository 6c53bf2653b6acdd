// Inputs whose numbers say which row of a table, or which class, is read: how many of these there are. A number that names none would give
// NaN where it is read (see nodes/kinds/embedding.h), so what brings data into a run refuses it where it enters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/graph.h"

namespace tapeloop {

// What an int or bool input may hold.
struct WholeNumbers {
  Type type = Type::kInt;
  std::int64_t below = 0;  // from 0 on; 0: any number
  std::string reader;      // "'e' (m.yaml:8:6)": the first that looks up one of the fewest by it

  // `largest`: up to which whole numbers are exact where they are kept.
  bool hold(double number, double largest) const;
  // "'token' is int: expected a whole number from 0 to 4, by which 'e' (m.yaml:8:6) looks up one of 5, found 7"
  std::string mismatch(const std::string& name, double number, double largest) const;
  std::string help() const;  // may be empty
};
// 2^24, 2^53
inline constexpr double kLargestFloat = 16777216.0, kLargestDouble = 9007199254740992.0;

// By node; of inputs that are ints or bools. Followed are reads of the input itself, at whatever position: taps, ends, remaps, reshapes.
std::vector<WholeNumbers> whole_numbers(const Graph& graph);

}  // namespace tapeloop
