#include "runtime/training/series_dataset.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "runtime/training/data_file.h"

namespace tapeloop {
namespace {

// Puts `count` more columns behind the `elements` that each row has.
void widen(std::vector<double>& values, std::size_t rows, std::size_t elements, std::size_t count) {
  std::vector<double> wider(rows * (elements + count), 0.0);
  for (std::size_t row = 0; row < rows; ++row)
    std::copy_n(values.data() + row * elements, elements, wider.data() + row * (elements + count));
  values = std::move(wider);
}

}  // namespace

CsvTable read_table(const DataSpec& spec, Diagnostics& diagnostics) {
  CsvOptions options;
  options.delimiter = spec.delimiter;
  options.header = spec.header;
  options.quotes = spec.format == DataFormat::kCsv;
  const DataFile& file = spec.parts.front().files.front();
  return read_csv(read_data_file(file), std::make_shared<const std::string>(file.file.name), options, diagnostics);
}

SeriesDataset::SeriesDataset(DataSpec spec, const CsvTable& table, Diagnostics& diagnostics) : spec_(std::move(spec)) {
  if (table.columns().empty()) return;  // reported by the reading
  read_groups(table, diagnostics);
  split_of_ = split_records(spec_.split, table, diagnostics);
  check_scales(table, diagnostics);
  for (const DataInput& input : spec_.inputs) read_input(input, table, diagnostics);
  if (!diagnostics.has_errors()) make_examples(diagnostics);
}

void SeriesDataset::read_groups(const CsvTable& table, Diagnostics& diagnostics) {
  std::optional<std::size_t> column;
  if (!spec_.group.name.empty()) column = table.find(spec_.group, diagnostics);
  std::map<std::string_view, std::size_t> known;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string_view name = column ? table.cell(row, *column) : std::string_view();
    const auto [at, is_new] = known.emplace(name, series_.size());
    if (is_new) series_.emplace_back();
    series_[at->second].push_back(static_cast<std::uint32_t>(row));
  }
}

void SeriesDataset::check_scales(const CsvTable& table, Diagnostics& diagnostics) const {
  for (const ColumnScale& scale : spec_.scale) {
    if (!table.find(scale.column, diagnostics)) continue;
    const bool read = std::any_of(spec_.inputs.begin(), spec_.inputs.end(), [&](const DataInput& input) {
      return input.as == ReadAs::kNumber && std::any_of(input.columns.begin(), input.columns.end(),
                                                        [&](const NamedAt& column) { return column.name == scale.column.name; });
    });
    if (!read) {
      diagnostics.error("E0808", scale.column.source, "train.data.scale has '" + scale.column.name + "', which no input reads as a number");
    }
  }
}

void SeriesDataset::read_input(const DataInput& input, const CsvTable& table, Diagnostics& diagnostics) {
  Features features;
  features.next = input.next;
  features.mask = input.mask;
  features.elements = 0;
  for (const NamedAt& column : input.columns) {
    const std::optional<std::size_t> index = table.find(column, diagnostics);
    if (!index) continue;
    if (input.as == ReadAs::kNumber) {
      add_numbers(column, *index, table, features, diagnostics);
    } else {
      add_categories(column, *index, input.as == ReadAs::kOneHot, table, features);
    }
  }
  if (input.mask) {
    features.elements = 1;
    features.scales.emplace_back();
  }
  InputForm form{input.input.name, input.input.source, {}, {}};
  if (spec_.window == 0 || !(input.next || input.mask)) form.axes.push_back(spec_.axis);
  if (!input.scalar) form.shape.push_back(static_cast<std::int64_t>(features.elements));
  add_form(std::move(form));
  features_.push_back(std::move(features));
}

void SeriesDataset::add_numbers(const NamedAt& column, std::size_t index, const CsvTable& table, Features& features,
                                Diagnostics& diagnostics) {
  const std::vector<double> raw = table.numbers(index, diagnostics);
  const auto at = std::find_if(spec_.scale.begin(), spec_.scale.end(), [&](const ColumnScale& s) { return s.column.name == column.name; });
  const std::vector<Scaling> steps = at == spec_.scale.end() ? std::vector<Scaling>() : at->steps;
  std::vector<double> training;
  for (std::size_t row = 0; row < raw.size(); ++row) {
    if (!Scale::accepts(steps, raw[row])) {
      diagnostics.error("E0813", table.source(row, index),
                        "column '" + column.name + "': sqrt takes numbers from -1 on, found " + std::string(table.cell(row, index)));
      return;
    }
    if (split_of_[row] == 0) training.push_back(raw[row]);
  }
  const Scale scale(steps, training);
  const std::size_t elements = features.elements;
  widen(features.values, raw.size(), elements, 1);
  widen(features.raw, raw.size(), elements, 1);
  for (std::size_t row = 0; row < raw.size(); ++row) {
    features.values[row * (elements + 1) + elements] = scale.apply(raw[row]);
    features.raw[row * (elements + 1) + elements] = raw[row];
  }
  features.scales.push_back(scale);
  features.elements = elements + 1;
}

void SeriesDataset::add_categories(const NamedAt& column, std::size_t index, bool one_hot, const CsvTable& table, Features& features) {
  std::vector<std::string>& words = categories_[column.name];
  if (words.empty()) {
    for (std::size_t row = 0; row < table.rows(); ++row) words.emplace_back(table.cell(row, index));
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
  }
  const std::size_t elements = features.elements;
  const std::size_t count = one_hot ? words.size() : 1;
  widen(features.values, table.rows(), elements, count);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto id = static_cast<std::size_t>(std::lower_bound(words.begin(), words.end(), table.cell(row, index)) - words.begin());
    features.values[row * (elements + count) + elements + (one_hot ? id : 0)] = one_hot ? 1.0 : static_cast<double>(id);
  }
  features.raw = features.values;
  features.scales.resize(elements + count);
  features.elements = elements + count;
}

void SeriesDataset::make_examples(Diagnostics& diagnostics) {
  const auto window = static_cast<std::size_t>(std::max<std::int64_t>(spec_.window, 1));
  for (std::size_t s = 0; s < series_.size(); ++s) {
    std::array<std::size_t, 3> last{};
    for (std::size_t p = window; p < series_[s].size(); ++p) {
      const std::uint8_t split = split_of_[series_[s][p]];
      if (split == kNoSplit) continue;
      if (spec_.window > 0) examples_[split].push_back({static_cast<std::uint32_t>(s), static_cast<std::uint32_t>(p)});
      last[split] = p;
    }
    for (std::size_t k = 0; k < 3 && spec_.window == 0; ++k) {
      if (last[k] > 0) examples_[k].push_back({static_cast<std::uint32_t>(s), static_cast<std::uint32_t>(last[k])});
    }
  }
  for (std::size_t k = 0; k < 3; ++k) {
    if (!examples_[k].empty() || (k > 0 && spec_.split.ranges[k].empty())) continue;
    const Source& source = spec_.split.ranges[k].empty() ? spec_.source : spec_.split.ranges[k].front().source;
    diagnostics.error("E0812", source, std::string("train.data gives no example for the split ") + split_name(kSplits[k]),
                      spec_.window > 0 ? "an example needs a row of the split with " + std::to_string(window) + " rows before it" : "");
  }
}

const std::vector<std::string>& SeriesDataset::categories(const std::string& column) const { return categories_.at(column); }

std::size_t SeriesDataset::steps(const Example& example) const {
  return spec_.window > 0 ? static_cast<std::size_t>(spec_.window) : std::size_t{example.last};
}

std::size_t SeriesDataset::length(Split split, std::uint32_t number, const std::string& axis) const {
  return axis == spec_.axis ? steps(examples_[static_cast<std::size_t>(split)][number]) : 0;
}

std::size_t SeriesDataset::first_row(const Example& example) const { return example.last - steps(example); }

double SeriesDataset::value_at(const Features& features, const std::vector<double>& values, const Example& example, std::size_t step,
                               std::size_t element, Split split) const {
  const std::vector<std::uint32_t>& rows = series_[example.series];
  const bool last_only = spec_.window > 0 && (features.next || features.mask);
  const std::size_t next = last_only ? example.last : first_row(example) + step + 1;
  if (features.mask) return split_of_[rows[next]] == static_cast<std::uint8_t>(split) ? 1.0 : 0.0;
  return values[rows[features.next ? next : next - 1] * features.elements + element];
}

template <class T>
void SeriesDataset::fill_input(std::size_t input, Split split, std::span<const std::uint32_t> numbers, std::size_t longest,
                               Array<T>& array) const {
  const std::vector<Example>& examples = examples_[static_cast<std::size_t>(split)];
  const Features& features = features_[input];
  const InputForm& form = forms()[input];
  const bool on_axis = !form.axes.empty();
  const std::size_t positions = on_axis ? longest : 1;
  array.dims.assign(1, static_cast<std::int64_t>(numbers.size()));
  if (on_axis) array.dims.push_back(static_cast<std::int64_t>(longest));
  array.dims.insert(array.dims.end(), form.shape.begin(), form.shape.end());
  array.data.assign(numbers.size() * positions * features.elements, T{0});
  T* to = array.data.data();
  for (const std::uint32_t number : numbers) {
    const std::size_t real = on_axis ? steps(examples[number]) : 1;
    for (std::size_t k = 0; k < real * features.elements; ++k) {
      const std::size_t step = k / features.elements;
      to[k] = static_cast<T>(value_at(features, features.values, examples[number], step, k % features.elements, split));
    }
    to += positions * features.elements;
  }
}

template <class T>
void SeriesDataset::fill_batch(Split split, std::span<const std::uint32_t> numbers, Batch<T>& batch) const {
  const std::vector<Example>& examples = examples_[static_cast<std::size_t>(split)];
  batch.rows = static_cast<std::int64_t>(numbers.size());
  batch.example_ids.clear();
  std::size_t longest = 0;
  for (const std::uint32_t number : numbers) {
    longest = std::max(longest, steps(examples[number]));
    batch.example_ids.push_back(series_[examples[number].series][examples[number].last]);
  }
  bool on_axis = false;
  for (std::size_t k = 0; k < forms().size(); ++k) {
    fill_input(k, split, numbers, longest, batch.inputs[forms()[k].name]);
    on_axis = on_axis || !forms()[k].axes.empty();
  }
  if (!on_axis) return;
  std::vector<std::int32_t>& lengths = batch.lengths[spec_.axis];
  lengths.clear();
  for (const std::uint32_t number : numbers) lengths.push_back(static_cast<std::int32_t>(steps(examples[number])));
}

Dataset::Targets SeriesDataset::targets(Split split, std::span<const std::uint32_t> numbers, std::size_t input) const {
  const std::vector<Example>& examples = examples_[static_cast<std::size_t>(split)];
  const Features& features = features_[input];
  const Features mask{1, {}, {}, {}, false, true};
  Targets targets;
  targets.elements = features.elements;
  const bool on_axis = !forms()[input].axes.empty();
  if (on_axis) {
    for (const std::uint32_t number : numbers) targets.positions = std::max(targets.positions, steps(examples[number]));
  }
  targets.values.assign(numbers.size() * targets.positions * targets.elements, 0.0);
  targets.counts.assign(numbers.size() * targets.positions, false);
  for (std::size_t row = 0; row < numbers.size(); ++row) {
    const Example& example = examples[numbers[row]];
    const std::size_t real = on_axis ? steps(example) : 1;
    for (std::size_t p = 0; p < real; ++p) {
      const std::size_t at = row * targets.positions + p;
      targets.counts[at] = spec_.window > 0 || value_at(mask, {}, example, p, 0, split) == 1.0;
      for (std::size_t e = 0; e < targets.elements && !features.mask; ++e) {
        targets.values[at * targets.elements + e] = value_at(features, features.raw, example, p, e, split);
      }
    }
  }
  return targets;
}

std::optional<Dataset::Place> SeriesDataset::find_misfit(std::size_t input, const std::function<bool(double)>& fits) const {
  const Features& features = features_[input];
  if (features.mask) return std::nullopt;
  std::vector<std::uint32_t> read(series_.size(), 0);  // rows of each series that examples read
  for (const std::vector<Example>& examples : examples_) {
    for (const Example& example : examples) read[example.series] = std::max(read[example.series], example.last + (features.next ? 1 : 0));
  }
  std::optional<std::size_t> first;
  for (std::size_t s = 0; s < series_.size(); ++s) {
    for (std::size_t k = 0; k < read[s] * features.elements; ++k) {
      const std::size_t at = series_[s][k / features.elements] * features.elements + k % features.elements;
      if (!fits(features.values[at])) first = std::min(first.value_or(at), at);
    }
  }
  if (!first) return std::nullopt;
  Diagnostics unheard;  // it has been read before
  const CsvTable table = read_table(spec_, unheard);
  const std::vector<NamedAt>& columns = spec_.inputs[input].columns;
  const auto column = table.column(columns[std::min(*first % features.elements, columns.size() - 1)].name);
  return Place{features.values[*first], column ? table.source(*first / features.elements, *column) : Source()};
}

}  // namespace tapeloop
