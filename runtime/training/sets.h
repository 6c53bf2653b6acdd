// Which records make an example: each one by itself, or a set of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/training/data_spec.h"

namespace tapeloop {

// The examples of one split.
class RecordSets {
 public:
  std::size_t size() const { return starts_.size() - 1; }
  std::span<const std::uint32_t> records(std::size_t example) const {
    return std::span(records_).subspan(starts_[example], starts_[example + 1] - starts_[example]);
  }
  // Shuffles that the examples come from, one after the other: passes() + 1 numbers of examples.
  std::size_t passes() const { return pass_starts_.size() - 1; }
  std::pair<std::size_t, std::size_t> pass(std::size_t k) const { return {pass_starts_[k], pass_starts_[k + 1]}; }

  static RecordSets single(std::vector<std::uint32_t> records);
  // `same`: what the records of a set agree in, by record. `split` gives each split shuffles of its own.
  static RecordSets cut(const SetCuts& cuts, const std::vector<std::uint32_t>& records, const std::vector<std::string>& same,
                        std::uint32_t split);

 private:
  std::vector<std::uint32_t> records_;
  std::vector<std::size_t> starts_{0};
  std::vector<std::size_t> pass_starts_{0};
};

}  // namespace tapeloop
