#include "runtime/training/scheduled_inputs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "runtime/training/tree_reader.h"

namespace tapeloop {
namespace {

constexpr std::int64_t kMany = std::int64_t{1} << 40;

double finite(MapReader& map, const char* key) {
  constexpr double kMost = std::numeric_limits<float>::max();
  return map.require(key) ? map.number(key, -kMost, kMost).value_or(0) : 0;
}

void read_way(const Tree& tree, const std::string& path, ScheduledInput& input, Diagnostics& diagnostics) {
  MapReader map(tree, path, diagnostics);
  map.allow({"rule", "first", "last", "after", "over"});
  if (map.require("rule")) input.rule = static_cast<ScheduledInput::Rule>(map.word("rule", {"linear", "cosine"}).value_or(0));
  input.first = finite(map, "first");
  input.last = finite(map, "last");
  input.after = map.whole("after", 0, kMany).value_or(0);
  if (map.require("over")) input.over = map.whole("over", 1, kMany).value_or(1);
}

}  // namespace

double ScheduledInput::at(std::int64_t step) const {
  if (step < after) return first;
  if (step - after >= over) return last;
  const double part = static_cast<double>(step - after) / static_cast<double>(over);
  return first + (last - first) * (rule == Rule::kLinear ? part : (1 - std::cos(std::numbers::pi * part)) / 2);
}

std::vector<ScheduledInput> read_scheduled_inputs(const Tree& tree, const DataSpec& data, Diagnostics& diagnostics) {
  std::vector<ScheduledInput> result;
  const MapReader check(tree, "train.inputs", diagnostics);
  for (const Tree::Entry& entry : tree.map) {
    const std::string path = "train.inputs." + entry.key;
    ScheduledInput input{{entry.key, entry.source}};
    if (entry.value.is_scalar()) {
      input.first = input.last = read_number(entry.value, path, diagnostics).value_or(0);
      if (!std::isfinite(input.last)) diagnostics.error("E0803", entry.value.source, path + ": expected a finite number");
    } else {
      read_way(entry.value, path, input, diagnostics);
    }
    const auto fed = [&](const DataInput& of_data) { return of_data.input.name == entry.key; };
    if (std::any_of(data.inputs.begin(), data.inputs.end(), fed)) {
      diagnostics.error("E0808", entry.source, path + ": train.data.inputs gives this input, too", "leave one of them out");
    }
    result.push_back(std::move(input));
  }
  return result;
}

template <class T>
void add_scheduled(const std::vector<ScheduledInput>& inputs, std::optional<std::int64_t> step, Batch<T>& batch) {
  for (const ScheduledInput& input : inputs) {
    Array<T>& array = batch.inputs[input.input.name];
    array.dims.assign(1, batch.rows);
    array.data.assign(static_cast<std::size_t>(batch.rows), static_cast<T>(step ? input.at(*step) : input.last));
  }
}

template void add_scheduled(const std::vector<ScheduledInput>&, std::optional<std::int64_t>, Batch<float>&);
template void add_scheduled(const std::vector<ScheduledInput>&, std::optional<std::int64_t>, Batch<double>&);

}  // namespace tapeloop
