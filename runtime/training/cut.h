// Cells cut into sequences: of characters, words, items, and sequences of sequences.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/training/records.h"

namespace tapeloop {

// What a cut gives, in order: leaves, and for each run along an axis its end, the innermost first.
struct CutSink {
  std::function<void(const Value&)> leaf;
  std::function<void(std::size_t axis)> end;  // the place of the axis in DataInput::along
};

// The answers of a cell, in order; there is at least one. REQUIRES: text is not changed while they are used.
std::vector<std::string_view> alternatives_of(std::string_view text, const DataInput& input);

// Cuts the value of one record, of alternatives the first. A text that is DataInput::empty has no piece. Returns what is wrong ("needs a
// list of items, found text"); empty if nothing is.
std::string cut(const Value& value, const DataInput& input, const CutSink& sink);

// The parts of a text: its characters (of UTF-8), its words, or what lies between separators. Empty text has none.
// Returns false for text that is no UTF-8, where characters are asked for.
bool pieces_of(std::string_view text, const std::string& by, std::vector<std::string_view>& pieces);

// Numbers on the points of axes, record after record.
struct Packed {
  // [axis][point on the axes before + 1], from {0}: the points within p are starts[axis][p] .. starts[axis][p + 1] - 1. Before the
  // outermost axis a point is a record.
  std::vector<std::vector<std::uint32_t>> starts;
  std::size_t elements = 1;
  std::vector<float> values;  // [points, elements]

  // The points of a record on the first `axes` axes.
  std::pair<std::size_t, std::size_t> points(std::size_t record, std::size_t axes) const;
};

}  // namespace tapeloop
