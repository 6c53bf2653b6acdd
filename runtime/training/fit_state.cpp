#include "runtime/training/fit_state.h"

#include <algorithm>
#include <array>
#include <span>
#include <type_traits>
#include <utility>

#include "runtime/training/atomic_file.h"

namespace tapeloop {
namespace {

template <class M>
using Named = std::pair<const char*, M>;

constexpr std::array kCounts{
    Named<std::int64_t FitState::*>{"epoch", &FitState::epoch},
    Named<std::int64_t FitState::*>{"batch", &FitState::batch},
    Named<std::int64_t FitState::*>{"position", &FitState::position},
    Named<std::int64_t FitState::*>{"waiting", &FitState::waiting},
    Named<std::int64_t FitState::*>{"averaged", &FitState::averaged},
    Named<std::int64_t FitState::*>{"best_epoch", &FitState::best_epoch},
    Named<std::int64_t FitState::*>{"waited", &FitState::waited},
    Named<std::int64_t FitState::*>{"skipped", &FitState::skipped},
    Named<std::int64_t FitState::*>{"batch_step", &FitState::batch_step},
};
constexpr std::array kNumbers{
    Named<double FitState::*>{"loss", &FitState::loss},
    Named<double FitState::*>{"weight", &FitState::weight},
    Named<double FitState::*>{"part_loss", &FitState::part_loss},
    Named<double FitState::*>{"part_weight", &FitState::part_weight},
    Named<double FitState::*>{"gradient_norm", &FitState::gradient_norm},
    Named<double FitState::*>{"waiting_loss", &FitState::waiting_loss},
    Named<double FitState::*>{"waiting_weight", &FitState::waiting_weight},
    Named<double FitState::*>{"best_loss", &FitState::best_loss},
    Named<double FitState::*>{"seconds", &FitState::seconds},
};
constexpr std::array kRowCounts{
    Named<std::int64_t HistoryRow::*>{"epoch", &HistoryRow::epoch},
    Named<std::int64_t HistoryRow::*>{"steps", &HistoryRow::steps},
};
constexpr std::array kRowNumbers{
    Named<double HistoryRow::*>{"train_loss", &HistoryRow::train_loss},
    Named<double HistoryRow::*>{"gradient_norm", &HistoryRow::gradient_norm},
    Named<double HistoryRow::*>{"seconds", &HistoryRow::seconds},
};
constexpr std::int64_t kMostCount = std::int64_t{1} << 40;
constexpr double kMostSeconds = 1e9;                            // 30 years
constexpr const char* kValidationNames = "history.validation";  // in the metadata, a line each

std::string at(const char* group, const char* name) { return std::string(group) + "/" + name; }

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  throw FileError("E0908", path, "is no checkpoint that a training can go on from: " + what);
}

// A column of the history.
template <class V, class Get>
void append_column(TensorFile& file, const char* name, const std::vector<HistoryRow>& rows, const Get& get) {
  std::vector<V> column;
  column.reserve(rows.size());
  for (const HistoryRow& row : rows) column.push_back(get(row));
  file.tensors.push_back(make_tensor<V>(at("history", name), {static_cast<std::int64_t>(rows.size())}, column));
}

void append_history(TensorFile& file, const std::vector<HistoryRow>& rows) {
  for (const auto& [name, member] : kRowCounts) {
    append_column<std::int64_t>(file, name, rows, [&, of = member](const HistoryRow& row) { return row.*of; });
  }
  for (const auto& [name, member] : kRowNumbers) {
    append_column<double>(file, name, rows, [&, of = member](const HistoryRow& row) { return row.*of; });
  }
  append_column<std::int64_t>(file, "best", rows, [](const HistoryRow& row) { return row.best ? 1 : 0; });
  if (rows.empty()) return;
  std::string names;
  for (const auto& [name, value] : rows.front().validation) names += name + "\n";
  std::vector<double> numbers;  // [epochs, names]: every epoch has the same
  for (const HistoryRow& row : rows) {
    for (const auto& [name, value] : row.validation) numbers.push_back(value);
  }
  file.metadata[kValidationNames] = names;
  const auto columns = static_cast<std::int64_t>(rows.front().validation.size());
  file.tensors.push_back(make_tensor<double>("history/validation", {static_cast<std::int64_t>(rows.size()), columns}, numbers));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    lines.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return lines;
}

void read_validation(const TensorFile& file, const std::string& path, std::vector<HistoryRow>& rows) {
  const auto known = file.metadata.find(kValidationNames);
  const std::vector<std::string> names = known == file.metadata.end() ? std::vector<std::string>() : lines_of(known->second);
  const auto count = static_cast<std::int64_t>(rows.size() * names.size());
  const std::vector<double> numbers = checkpoint_values<double>(file, "history/validation", count, path);
  std::size_t next = 0;
  for (HistoryRow& row : rows) {
    for (const std::string& name : names) row.validation.emplace_back(name, numbers[next++]);
  }
}

std::vector<HistoryRow> read_history(const TensorFile& file, const std::string& path, std::int64_t count) {
  const std::vector<std::int64_t> best = checkpoint_values<std::int64_t>(file, "history/best", count, path);
  std::vector<HistoryRow> rows(best.size());
  for (std::size_t k = 0; k < rows.size(); ++k) rows[k].best = best[k] != 0;
  for (const auto& [name, member] : kRowCounts) {
    const std::vector<std::int64_t> column = checkpoint_values<std::int64_t>(file, at("history", name), count, path);
    for (std::size_t k = 0; k < rows.size(); ++k) rows[k].*member = column[k];
  }
  for (const auto& [name, member] : kRowNumbers) {
    const std::vector<double> column = checkpoint_values<double>(file, at("history", name), count, path);
    for (std::size_t k = 0; k < rows.size(); ++k) rows[k].*member = column[k];
  }
  if (!rows.empty()) read_validation(file, path, rows);
  return rows;
}

}  // namespace

template <class T>
std::vector<T> checkpoint_values(const TensorFile& file, const std::string& name, std::int64_t count, const std::string& path) {
  const Tensor* tensor = file.find(name);
  if (!tensor) refuse(path, "'" + name + "' is missing");
  const std::string dtype = std::is_same_v<T, double> ? "F64" : std::is_same_v<T, float> ? "F32" : "I64";
  const std::size_t size = dtype == "F32" ? 4 : 8;
  if (tensor->dtype != dtype || tensor->bytes.size() / size != static_cast<std::size_t>(count)) {
    refuse(path, "'" + name + "' should be " + std::to_string(count) + " numbers of dtype " + dtype);
  }
  return tensor_values<T>(*tensor);
}

void append_to(TensorFile& file, const FitState& state) {
  for (const auto& [name, member] : kCounts) {
    file.tensors.push_back(make_tensor<std::int64_t>(at("fit", name), {}, std::span(&(state.*member), 1)));
  }
  for (const auto& [name, member] : kNumbers) {
    file.tensors.push_back(make_tensor<double>(at("fit", name), {}, std::span(&(state.*member), 1)));
  }
  append_history(file, state.history);
}

std::int64_t checkpoint_count(const TensorFile& file, const std::string& name, const std::string& path) {
  const std::int64_t count = checkpoint_values<std::int64_t>(file, name, 1, path).front();
  if (count < 0 || count > kMostCount) refuse(path, "'" + name + "' is out of its range");
  return count;
}

FitState read_fit_state(const TensorFile& file, const std::string& path) {
  FitState state;
  for (const auto& [name, member] : kCounts) {
    state.*member = checkpoint_count(file, at("fit", name), path);
  }
  for (const auto& [name, member] : kNumbers) state.*member = checkpoint_values<double>(file, at("fit", name), 1, path).front();
  if (state.epoch < 1) refuse(path, "'fit/epoch' is out of its range");
  if (!(state.seconds >= 0 && state.seconds <= kMostSeconds)) refuse(path, "'fit/seconds' is out of its range");
  state.history = read_history(file, path, state.epoch - 1);
  return state;
}

template std::vector<float> checkpoint_values<float>(const TensorFile&, const std::string&, std::int64_t, const std::string&);
template std::vector<double> checkpoint_values<double>(const TensorFile&, const std::string&, std::int64_t, const std::string&);
template std::vector<std::int64_t> checkpoint_values<std::int64_t>(const TensorFile&, const std::string&, std::int64_t, const std::string&);

}  // namespace tapeloop
