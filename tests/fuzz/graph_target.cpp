// The structure-aware target: bytes are the decisions of the generator of random models.
#include <cstdio>

#include "nodes/registry.h"
#include "tests/fuzz/targets.h"
#include "tests/random/comparison.h"
#include "tests/random/random_model.h"

namespace tapeloop::fuzz {
namespace {

// Larger ones show nothing that smaller ones do not, and take seconds under sanitizers.
constexpr double kPositions = 4000;

}  // namespace

void graph(std::string_view bytes) {
  static const Registry kRegistry = make_registry();
  const RandomModel model = random_model(Dice(bytes));
  if (model.positions > kPositions) return;
  const Comparison found = compare(model, kRegistry, {.each_optimisation = false, .complex_step = false});
  if (found.problems.empty()) return;
  std::fprintf(stderr, "%s%s", model.yaml.c_str(), found.problems.c_str());
  __builtin_trap();
}

}  // namespace tapeloop::fuzz
