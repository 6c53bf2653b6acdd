// Random containers that are legal by construction, with something to feed them. A model is YAML, so that a failing one can be
// printed, kept and run by hand; the same seed gives the same model on every machine.
//
// Values come in groups. A group lives on some axes and scans some of them, each in one direction; a read within the group is carried
// by the first of these axes that it moves along, or goes to an earlier node. Earlier groups may be read in any way. Every value
// stays in [-1, 1], and what a node reads counts less than 1 in all, so that nothing grows along a run.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/array.h"
#include "runtime/batch.h"
#include "tests/random/dice.h"

namespace tapeloop {

struct RandomModel {
  std::uint64_t seed = 0;
  std::string yaml;
  Batch<double> batch;  // what lies past the ends of runs is NaN
  std::map<std::string, Array<double>> parameters;
  std::string feed;  // the same as JSON for `tapeloop run --feed`
  // Of all values together, about: what computing them one by one costs.
  double positions = 0;
};

RandomModel random_model(std::uint64_t seed);
RandomModel random_model(Dice decisions);
// One axis ends where a value says so. Not legal by construction: the decision may need what comes after it (E0612).
RandomModel random_model_with_decision(std::uint64_t seed);

}  // namespace tapeloop
