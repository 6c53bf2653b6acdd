// What a random model is made of while it is written: axes, values, sections of text and parameters with their numbers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/array.h"
#include "core/derived_axis.h"
#include "tests/random/dice.h"
#include "tests/random/random_model.h"

namespace tapeloop {

using AxisSet = unsigned;  // bit k: axis k; always with the axes that these lie within

struct RandomAxis {
  std::string name;
  int within = -1;
  std::string length;  // int input that gives it, or empty
  int longest = 20;
  std::string derived = {};  // "derived: t, stride: 3", or empty
  int from = -1;             // of a derived one, as it was made; `rule` without its axes
  Derivation rule = {};
  bool decided = false;  // by a value, longest at most: then no input lies along it
};

// A value that others may read. Width 0 is a scalar, n a vector [n].
struct RandomValue {
  std::string name;
  AxisSet axes = 0;
  int width = 0;
  int group = -1;  // -1: inputs and parameters
  int index = 0;   // within the group
  bool on_batch = true;
  bool is_end = false;  // reduces its group's inner axis; read within the group only through time
  bool used = false;
  bool stands_in = false;  // a node in place of an input, along an axis whose length is decided
};

class ModelWriter {
 public:
  ModelWriter(Dice decisions, std::uint64_t seed) : dice(std::move(decisions)), seed_(seed) {}

  bool has(AxisSet set, int axis) const { return ((set >> axis) & 1U) != 0; }
  AxisSet closure(int axis) const;  // the axis with those that it lies within
  bool is_closed(AxisSet set) const;
  std::vector<int> axes_of(AxisSet set) const;
  bool innermost(AxisSet set, int axis) const;  // none of the set lies within it

  std::size_t input(AxisSet axes, int width);
  bool is_decided(AxisSet set) const;
  // The name of a parameter with numbers in [-bound, bound], or of an equation of one.
  std::string parameter(std::vector<std::int64_t> dims, double bound);
  void parameter_of_linear(const std::string& name, std::vector<std::int64_t> dims, double bound);
  void add_node(const std::string& name, const std::string& equation);
  void add_state(const std::string& name, int axis, const std::string& init);
  RandomModel finish(const std::vector<std::string>& outputs, const std::string& loss);

  Dice dice;
  std::vector<RandomAxis> axes;
  std::vector<RandomValue> values;

 private:
  std::string axis_names(AxisSet set) const;  // "t, u"
  Array<double> numbers(std::vector<std::int64_t> dims, double bound);
  void stand_in(std::size_t value);
  void draw_lengths(RandomModel& model);
  void draw_inputs(RandomModel& model);

  std::uint64_t seed_;
  std::map<std::string, std::vector<std::string>> states_;
  std::string nodes_, late_nodes_, parameters_;
  std::map<std::string, Array<double>> fed_parameters_;
  int parameter_count_ = 0;
};

}  // namespace tapeloop
