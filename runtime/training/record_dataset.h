// Records as examples for a model, one each or in sets: sequences of tokens or numbers, each of its own length, on any axes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "runtime/training/cut.h"
#include "runtime/training/dataset.h"
#include "runtime/training/records.h"
#include "runtime/training/scaling.h"
#include "runtime/training/sets.h"
#include "runtime/training/vocabulary.h"

namespace tapeloop {

class RecordDataset : public Dataset {
 public:
  // Vocabularies are counted on the training split, but for those that are `known`. Reports columns that are not there (E0811), cells
  // that are not what they are read as (E0752, E0756, E0813), tokens that a vocabulary lacks (E0817), inputs on one axis with different
  // lengths (E0818), splits that overlap (E0807) or have no example (E0812). Use it only without errors.
  RecordDataset(DataSpec spec, const Records& all, const Vocabularies& known, Diagnostics& diagnostics);

  std::size_t examples(Split split) const override { return of(split).size(); }
  std::vector<std::uint32_t> pass(Split split, std::int64_t epoch) const override;
  std::size_t length(Split split, std::uint32_t number, const std::string& axis) const override;
  const Vocabularies& vocabularies() const override { return vocabularies_; }
  void fill(Split split, std::span<const std::uint32_t> numbers, Batch<float>& batch) const override { fill_batch(split, numbers, batch); }
  void fill(Split split, std::span<const std::uint32_t> numbers, Batch<double>& batch) const override { fill_batch(split, numbers, batch); }
  const Vocabulary* vocabulary(std::size_t input) const override;
  std::vector<TokenIds> answers(Split split, std::uint32_t number, std::size_t input) const override;
  Targets targets(Split split, std::span<const std::uint32_t> numbers, std::size_t input) const override;
  double original(std::size_t input, std::size_t element, double value) const override { return scale_of(input, element).invert(value); }
  std::optional<Place> find_misfit(std::size_t input, const std::function<bool(double)>& fits) const override;

 private:
  // What one input reads.
  struct Sequence {
    Packed packed;
    std::vector<Scale> scales;                              // of each element, or one of all
    std::map<std::uint32_t, std::vector<TokenIds>> others;  // of a record: the answers after the first
    bool of_set = false;                                    // one of a set's records tells it: it does not lie on the axis of the sets
  };
  // Whose lengths an axis has.
  struct AxisOf {
    std::size_t input = 0;
    std::size_t level = 0;
  };

  const RecordSets& of(Split split) const { return sets_[static_cast<std::size_t>(split)]; }
  bool lies_on_sets(std::size_t input) const { return spec_.sets && !sequences_[input].of_set; }
  const Scale& scale_of(std::size_t input, std::size_t element) const {
    const std::vector<Scale>& scales = sequences_[input].scales;
    return scales[scales.size() > 1 ? element : 0];
  }
  void leave_out_repeated(const Records& records, Diagnostics& diagnostics);
  void count_tokens(const Records& records, const Vocabularies& known, Diagnostics& diagnostics);
  void read_alternatives(const Records& records);
  void check_axes(const Records& records, Diagnostics& diagnostics);
  void make_examples(const Records& records, Diagnostics& diagnostics);
  template <class T>
  void fill_batch(Split split, std::span<const std::uint32_t> numbers, Batch<T>& batch) const;
  // Along each axis of the input, the longest run among these examples.
  std::vector<std::size_t> longest(Split split, std::span<const std::uint32_t> numbers, std::size_t input) const;
  // visit(position in [rows, longest..], point) for every point of the input.
  template <class Visit>
  void walk(Split split, std::span<const std::uint32_t> numbers, std::size_t input, const std::vector<std::size_t>& longest,
            const Visit& visit) const;
  std::span<const std::uint32_t> read_records(Split split, std::uint32_t number, std::size_t input) const;

  DataSpec spec_;
  std::vector<std::uint8_t> split_of_;  // of each record that has one; those without are not read
  std::vector<std::uint32_t> rows_;     // in the files, of each of these
  Vocabularies vocabularies_;
  std::vector<Sequence> sequences_;  // by input
  std::map<std::string, AxisOf> axes_;
  std::array<RecordSets, 3> sets_;
};

}  // namespace tapeloop
