#include "runtime/training/sets.h"

#include <map>
#include <numeric>

#include "runtime/draws.h"
#include "runtime/training/shuffle.h"

namespace tapeloop {

RecordSets RecordSets::single(std::vector<std::uint32_t> records) {
  RecordSets sets;
  sets.starts_.resize(records.size() + 1);
  std::iota(sets.starts_.begin(), sets.starts_.end(), std::size_t{0});
  sets.pass_starts_.push_back(records.size());
  sets.records_ = std::move(records);
  return sets;
}

RecordSets RecordSets::cut(const SetCuts& cuts, const std::vector<std::uint32_t>& records, const std::vector<std::string>& same,
                           std::uint32_t split) {
  std::map<std::string_view, std::vector<std::uint32_t>> groups;
  for (const std::uint32_t record : records) groups[same[record]].push_back(record);
  const PhiloxKey key = draw_key(split, draw_name("sets"));
  RecordSets sets;
  for (std::int64_t k = 0; k < cuts.shuffles; ++k) {
    std::uint32_t part = 0;
    for (const auto& [name, group] : groups) {
      std::vector<std::uint32_t> order = group;
      shuffle(order, key, static_cast<std::uint32_t>(k), part++);
      for (const std::int64_t size : cuts.sizes) {
        const auto step = static_cast<std::size_t>(size);
        for (std::size_t first = 0; first + step <= order.size(); first += step) {
          const auto from = order.begin() + static_cast<std::ptrdiff_t>(first);
          sets.records_.insert(sets.records_.end(), from, from + size);
          sets.starts_.push_back(sets.records_.size());
        }
      }
    }
    sets.pass_starts_.push_back(sets.size());
  }
  return sets;
}

}  // namespace tapeloop
