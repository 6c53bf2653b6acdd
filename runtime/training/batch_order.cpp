#include "runtime/training/batch_order.h"

#include <algorithm>
#include <numeric>

#include "runtime/draws.h"
#include "runtime/training/shuffle.h"

namespace tapeloop {
namespace {

constexpr std::size_t kBucketBatches = 50;  // that are sorted by length together

}  // namespace

std::vector<std::uint32_t> batch_order(const Dataset& data, const TrainSpec& spec, std::uint64_t seed, std::int64_t epoch) {
  std::vector<std::uint32_t> order = data.pass(Split::kTrain, epoch);
  const auto number = static_cast<std::uint32_t>(epoch);
  if (spec.shuffle) shuffle(order, draw_key(seed, draw_name("shuffle")), number);
  if (spec.bucket.name.empty()) return order;
  const auto size = static_cast<std::size_t>(spec.batch);
  const auto length = [&](std::uint32_t example) { return data.length(Split::kTrain, example, spec.bucket.name); };
  const auto shorter = [&](std::uint32_t a, std::uint32_t b) { return length(a) < length(b); };
  for (std::size_t first = 0; first < order.size(); first += kBucketBatches * size) {
    const std::size_t last = std::min(order.size(), first + kBucketBatches * size);
    std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(first), order.begin() + static_cast<std::ptrdiff_t>(last), shorter);
  }
  if (!spec.shuffle) return order;
  // A last batch that is not full stays the last.
  std::vector<std::uint32_t> batches(order.size() / size);
  std::iota(batches.begin(), batches.end(), 0U);
  shuffle(batches, draw_key(seed, draw_name("bucket")), number);
  std::vector<std::uint32_t> result;
  for (const std::uint32_t batch : batches) {
    const auto from = order.begin() + static_cast<std::ptrdiff_t>(batch * size);
    result.insert(result.end(), from, from + spec.batch);
  }
  result.insert(result.end(), order.begin() + static_cast<std::ptrdiff_t>(result.size()), order.end());
  return result;
}

}  // namespace tapeloop
