#include "runtime/training/dataset.h"

#include <numeric>
#include <stdexcept>

#include "runtime/training/record_dataset.h"
#include "runtime/training/series_dataset.h"

namespace tapeloop {

std::size_t Dataset::input(const std::string& name) const {
  for (std::size_t k = 0; k < forms_.size(); ++k) {
    if (forms_[k].name == name) return k;
  }
  throw std::invalid_argument("no input '" + name + "' in train.data.inputs");
}

std::vector<std::uint32_t> Dataset::pass(Split split, std::int64_t) const {
  std::vector<std::uint32_t> numbers(examples(split));
  std::iota(numbers.begin(), numbers.end(), 0U);
  return numbers;
}

const Vocabularies& Dataset::vocabularies() const {
  static const Vocabularies kNone;
  return kNone;
}

const Vocabulary* Dataset::vocabulary(std::size_t) const { return nullptr; }

std::vector<TokenIds> Dataset::answers(Split, std::uint32_t, std::size_t) const { return {}; }

std::unique_ptr<Dataset> read_dataset(const DataSpec& spec, const Vocabularies& known, Diagnostics& diagnostics) {
  std::unique_ptr<Dataset> data;
  if (spec.records) {
    const std::unique_ptr<Records> records = open_records(spec, diagnostics);
    if (diagnostics.has_errors()) return nullptr;
    data = std::make_unique<RecordDataset>(spec, *records, known, diagnostics);
  } else {
    const CsvTable table = read_table(spec, diagnostics);
    if (diagnostics.has_errors()) return nullptr;
    data = std::make_unique<SeriesDataset>(spec, table, diagnostics);
  }
  if (diagnostics.has_errors()) return nullptr;
  return data;
}

}  // namespace tapeloop
