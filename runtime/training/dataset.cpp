#include "runtime/training/dataset.h"

#include <stdexcept>

#include "runtime/training/series_dataset.h"

namespace tapeloop {

std::size_t Dataset::input(const std::string& name) const {
  for (std::size_t k = 0; k < forms_.size(); ++k) {
    if (forms_[k].name == name) return k;
  }
  throw std::invalid_argument("no input '" + name + "' in train.data.inputs");
}

std::unique_ptr<Dataset> read_dataset(const DataSpec& spec, Diagnostics& diagnostics) {
  const CsvTable table = read_table(spec, diagnostics);
  if (diagnostics.has_errors()) return nullptr;
  auto data = std::make_unique<SeriesDataset>(spec, table, diagnostics);
  if (diagnostics.has_errors()) return nullptr;
  return data;
}

}  // namespace tapeloop
