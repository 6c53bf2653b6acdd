#include "core/derived_axis.h"

#include <algorithm>
#include <limits>

namespace tapeloop {
namespace {

// A position given as in Python: negative ones count from the end.
std::int64_t place(std::int32_t position, std::int64_t length) {
  return std::clamp<std::int64_t>(position < 0 ? position + length : position, 0, length);
}

}  // namespace

std::int32_t derived_length(const Derivation& derivation, std::span<const std::int32_t> lengths, std::int32_t window) {
  const std::int64_t length = lengths.front();
  std::int64_t result = 0;
  switch (derivation.rule) {
    case Derivation::Rule::kNone:
      break;
    case Derivation::Rule::kStride:
      result = (length + derivation.step - 1) / derivation.step;
      break;
    case Derivation::Rule::kWindow:
      result = std::min(std::int64_t{derivation.size},
                        derivation.backwards ? std::int64_t{window} + 1 : length - std::int64_t{window} * derivation.step);
      break;
    case Derivation::Rule::kRepeat:
      result = length * derivation.step;
      break;
    case Derivation::Rule::kSlice:
      result = (derivation.to_end ? length : place(derivation.end, length)) - place(derivation.first, length);
      break;
    case Derivation::Rule::kJoin:
      for (const std::int32_t one : lengths) result += one;
      break;
  }
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(result, 0, std::numeric_limits<std::int32_t>::max()));
}

bool Remap::steps_along(AxisId axis) const {
  return std::any_of(steps.begin(), steps.end(), [axis](const Step& step) { return step.axis == axis; });
}

std::int64_t Remap::position(std::int64_t sum, std::int64_t length, std::int64_t skipped) const {
  const std::int64_t k = (first < 0 ? place(first, length) : first) + sum / divide - skipped;
  if (k < 0 || k >= length) return -1;
  return backwards ? length - 1 - k : k;
}

std::string derived_name(const Derivation& derivation, std::span<const std::string> names) {
  const std::string& from = names.front();
  switch (derivation.rule) {
    case Derivation::Rule::kNone:
      break;
    case Derivation::Rule::kStride:
      return from + "/" + std::to_string(derivation.step);
    case Derivation::Rule::kWindow:
      return from + "/" + std::to_string(derivation.step) + ":" + std::to_string(derivation.size);
    case Derivation::Rule::kRepeat:
      return from + "*" + std::to_string(derivation.step);
    case Derivation::Rule::kSlice:
      return from + "[" + std::to_string(derivation.first) + ":" + (derivation.to_end ? "" : std::to_string(derivation.end)) + "]";
    case Derivation::Rule::kJoin: {
      std::string all = from;
      for (const std::string& name : names.subspan(1)) all += "+" + name;
      return all;
    }
  }
  return from;
}

}  // namespace tapeloop
