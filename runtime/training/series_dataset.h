// A table whose rows are the steps of series, as examples for a model: windows or whole series.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "runtime/training/csv.h"
#include "runtime/training/dataset.h"
#include "runtime/training/scaling.h"
#include "runtime/training/train_spec.h"

namespace tapeloop {

// The table that the specification names. Reports what is wrong with it (E0750 ..) and throws FileError if it cannot be read.
CsvTable read_table(const DataSpec& spec, Diagnostics& diagnostics);

// With a window of N: one example for every row that has N rows of its series before it and belongs to the split.
//   row        k-N  ..  k-1 | k
//              at: window   | at: next          the rows before may belong to any split: they are the past
// Without: one example for every series, from its start to its last row of the split. At step q (0 ..) `window` is row q and `next`
// is row q + 1, the row to predict; a mask is 1 where that one belongs to the split.
class SeriesDataset : public Dataset {
 public:
  // Reports columns that the table does not have (E0811), values that a reading or scaling cannot take (E0752, E0813), splits that
  // overlap (E0807) or leave nothing to train on (E0812). Use it only without errors.
  SeriesDataset(DataSpec spec, const CsvTable& table, Diagnostics& diagnostics);

  // Words of a column that is read as id or one_hot, sorted: the position is the id.
  const std::vector<std::string>& categories(const std::string& column) const;

  std::size_t examples(Split split) const override { return examples_[static_cast<std::size_t>(split)].size(); }
  std::size_t length(Split split, std::uint32_t number, const std::string& axis) const override;
  void fill(Split split, std::span<const std::uint32_t> numbers, Batch<float>& batch) const override { fill_batch(split, numbers, batch); }
  void fill(Split split, std::span<const std::uint32_t> numbers, Batch<double>& batch) const override { fill_batch(split, numbers, batch); }
  Targets targets(Split split, std::span<const std::uint32_t> numbers, std::size_t input) const override;
  double original(std::size_t input, std::size_t element, double value) const override {
    return features_[input].scales[element].invert(value);
  }
  std::optional<Place> find_misfit(std::size_t input, const std::function<bool(double)>& fits) const override;

 private:
  struct Features {
    std::size_t elements = 1;
    std::vector<double> values;  // [rows of the table, elements], scaled
    std::vector<double> raw;     // the same in the file's units
    std::vector<Scale> scales;   // of each element
    bool next = false;
    bool mask = false;
  };
  // A series is the table's rows of one group, in the file's order. An example is predicted up to row `last` of it.
  struct Example {
    std::uint32_t series = 0;
    std::uint32_t last = 0;
  };

  void read_groups(const CsvTable& table, Diagnostics& diagnostics);
  void read_input(const DataInput& input, const CsvTable& table, Diagnostics& diagnostics);
  void add_numbers(const NamedAt& column, std::size_t index, const CsvTable& table, Features& features, Diagnostics& diagnostics);
  void add_categories(const NamedAt& column, std::size_t index, bool one_hot, const CsvTable& table, Features& features);
  void check_scales(const CsvTable& table, Diagnostics& diagnostics) const;
  void make_examples(Diagnostics& diagnostics);
  template <class T>
  void fill_batch(Split split, std::span<const std::uint32_t> numbers, Batch<T>& batch) const;
  template <class T>
  void fill_input(std::size_t input, Split split, std::span<const std::uint32_t> numbers, std::size_t longest, Array<T>& array) const;
  std::size_t steps(const Example& example) const;      // along the axis
  std::size_t first_row(const Example& example) const;  // in the series
  double value_at(const Features& features, const std::vector<double>& values, const Example& example, std::size_t step,
                  std::size_t element, Split split) const;

  DataSpec spec_;
  std::vector<Features> features_;
  std::map<std::string, std::vector<std::string>> categories_;
  std::vector<std::vector<std::uint32_t>> series_;  // rows of the table
  std::vector<std::uint8_t> split_of_;              // of each row of the table; 3: none
  std::array<std::vector<Example>, 3> examples_;
};

}  // namespace tapeloop
