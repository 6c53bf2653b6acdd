// What a node of a random model may read, and the terms that are made of it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/random/model_writer.h"

namespace tapeloop {

struct Tap {
  int axis = 0;
  int offset = 0;
};

// A value at a tapped position.
struct Read {
  std::size_t value = 0;
  std::vector<Tap> taps;
};

struct Scan {
  int axis = 0;
  int past = 1;  // 1: reads go into the past, -1: into the future
};

struct Group {
  int number = 0;
  AxisSet axes = 0;
  std::vector<Scan> nest;
  std::vector<std::size_t> members;  // in order of definition
};

// Where a term stands.
struct Place {
  const Group* group = nullptr;
  AxisSet axes = 0;
  int width = 0;
  int index = 0;
};

struct Term {
  std::string text;
  AxisSet axes = 0;
};

inline constexpr int kWidest = 4;
inline constexpr int kLongestTap = 5;

class RandomTerms {
 public:
  explicit RandomTerms(ModelWriter& out) : out_(out), dice_(out.dice) {}

  // A read of a value on `axes` or fewer (`all`: just these), of a width in [least, most]; `anchored`: not of one defined later.
  std::optional<Read> read(const Place& place, AxisSet axes, bool all, int least = 0, int most = kWidest, bool anchored = false);
  Read of(std::size_t value);
  std::string text(const Read& read);
  std::string label(const Read& read);  // as `linear` names the weight

  // Terms lie within [-1, 1] and change by at most what they read changes.
  Term anchor(const Place& place);  // on all axes of the place, exactly as wide, from values whose shape is known already
  Term number();
  Term plain(const Place& place);
  Term any(const Place& place);
  // last, mean, max .. along an axis; its axes are for the caller to say.
  Term reduced(const Read& read, int axis, int width);

 private:
  // An axis that the place lacks, and values of earlier groups that have it and otherwise only axes of the place.
  struct Along {
    int axis = 0;
    std::vector<std::size_t> values;
  };

  RandomValue& value(std::size_t k) { return out_.values[k]; }
  std::string axis_name(int axis) const { return out_.axes[static_cast<std::size_t>(axis)].name; }
  int offset();
  std::optional<std::vector<Tap>> carried(const Group& group, const RandomValue& of);
  std::vector<Tap> any_taps(AxisSet axes);
  std::optional<Along> along(const Place& place);
  Term fitted(const Read& read, int width, bool exact);
  Term pair(const Place& place, const std::string& format);
  Term function(const Place& place);
  Term reduction(const Place& place);
  Term attention(const Place& place);
  Term position(const Place& place);
  Term weighted(const Place& place);
  Term joined(const Place& place);
  Term resampled(const Place& place);
  std::string along_derived(const RandomAxis& to, const std::string& of);

  ModelWriter& out_;
  Dice& dice_;
};

}  // namespace tapeloop
