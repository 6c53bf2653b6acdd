#include "runtime/training/records.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/expression.h"
#include "runtime/training/array_file.h"
#include "runtime/training/csv.h"
#include "runtime/training/data_file.h"

namespace tapeloop {
namespace {

class Lines : public Records {
 public:
  Lines(std::string text, std::shared_ptr<const std::string> file) : text_(std::move(text)), file_(std::move(file)) {
    const std::string_view all(text_);
    const std::size_t last = all.find_last_not_of("\r\n");
    const std::size_t end = last == std::string_view::npos ? 0 : last + 1;
    for (std::size_t at = all.starts_with("\xEF\xBB\xBF") ? 3 : 0; at < end;) {
      const std::size_t stop = std::min(all.find('\n', at), end);
      const bool carriage = stop > at && all[stop - 1] == '\r';
      lines_.push_back(all.substr(at, stop - at - (carriage ? 1 : 0)));
      at = stop + 1;
    }
  }
  std::size_t rows() const override { return lines_.size(); }
  const std::vector<std::string>& columns() const override { return columns_; }
  Value value(std::size_t row, std::size_t) const override { return text_value(lines_[row]); }
  Source source(std::size_t row, std::size_t) const override { return {file_, static_cast<int>(row) + 1, 1}; }

 private:
  std::string text_;
  std::shared_ptr<const std::string> file_;
  std::vector<std::string_view> lines_;
  std::vector<std::string> columns_{"line"};
};

// Parts one after the other, and what is said of each record.
class Joined : public Records {
 public:
  Joined(std::vector<std::unique_ptr<Records>> parts, const DataSpec& spec) : parts_(std::move(parts)), columns_(parts_[0]->columns()) {
    width_ = columns_.size();
    for (const DataPart& part : spec.parts) keys_.push_back(part.key);
    if (!column("row")) columns_.emplace_back("row");
    if (spec.several && !column("file")) columns_.emplace_back("file");
    for (const auto& part : parts_) starts_.push_back(starts_.back() + part->rows());
  }
  std::size_t rows() const override { return starts_.back(); }
  const std::vector<std::string>& columns() const override { return columns_; }
  Value value(std::size_t row, std::size_t column) const override {
    const std::size_t part = part_of(row);
    if (column < width_) return parts_[part]->value(row - starts_[part], column);
    return columns_[column] == "file" ? text_value(keys_[part]) : number_value(static_cast<double>(row - starts_[part]));
  }
  Source source(std::size_t row, std::size_t column) const override {
    const std::size_t part = part_of(row);
    return parts_[part]->source(row - starts_[part], std::min(column, width_ - 1));
  }

 private:
  std::size_t part_of(std::size_t row) const {
    return static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), row) - starts_.begin()) - 1;
  }

  std::vector<std::unique_ptr<Records>> parts_;
  std::vector<std::string> columns_;
  std::size_t width_ = 0;  // columns of the files
  std::vector<std::string> keys_;
  std::vector<std::size_t> starts_{0};
};

class Chosen : public Records {
 public:
  Chosen(const Records& records, std::vector<std::uint32_t> rows) : records_(records), rows_(std::move(rows)) {}
  std::size_t rows() const override { return rows_.size(); }
  const std::vector<std::string>& columns() const override { return records_.columns(); }
  Value value(std::size_t row, std::size_t column) const override { return records_.value(rows_[row], column); }
  Source source(std::size_t row, std::size_t column) const override { return records_.source(rows_[row], column); }

 private:
  const Records& records_;
  std::vector<std::uint32_t> rows_;
};

std::unique_ptr<Records> open_part(const DataSpec& spec, const DataPart& part, Diagnostics& diagnostics) {
  if (spec.format == DataFormat::kNpy || spec.format == DataFormat::kIdx) return open_arrays(part, spec.format, diagnostics);
  const DataFile& file = part.files.front();
  const auto name = std::make_shared<const std::string>(file.file.name);
  std::string text = read_data_file(file);
  if (spec.format == DataFormat::kLines) return read_lines(std::move(text), name);
  if (spec.format == DataFormat::kJsonLines) return read_json_lines(text, name, diagnostics);
  CsvOptions options;
  options.delimiter = spec.delimiter;
  options.header = spec.header;
  options.quotes = spec.format == DataFormat::kCsv;
  return std::make_unique<CsvTable>(read_csv(std::move(text), name, options, diagnostics));
}

}  // namespace

Value text_value(std::string_view text) {
  Value value;
  value.text = text;
  return value;
}

Value number_value(double number) {
  Value value;
  value.kind = Value::Kind::kArray;
  value.numbers = {number};
  return value;
}

std::string text_of(const Value& value) {
  if (value.kind == Value::Kind::kText) return std::string(value.text);
  if (value.kind == Value::Kind::kArray && value.dims.empty()) return number_text(value.numbers.front());
  std::string text;
  for (const Value& item : value.items) text += (text.empty() ? "" : ", ") + text_of(item);
  for (const double number : value.numbers) text += (text.empty() ? "" : ", ") + number_text(number);
  return "[" + text + "]";
}

std::optional<double> number_of(const Value& value) {
  if (value.kind == Value::Kind::kText) return csv_number(value.text);
  return value.kind == Value::Kind::kArray && value.dims.empty() ? std::optional(value.numbers.front()) : std::nullopt;
}

std::optional<std::size_t> Records::column(std::string_view name) const {
  const std::vector<std::string>& names = columns();
  const auto at = std::find(names.begin(), names.end(), name);
  return at == names.end() ? std::nullopt : std::optional<std::size_t>(static_cast<std::size_t>(at - names.begin()));
}

std::optional<std::size_t> Records::find(const NamedAt& column, Diagnostics& diagnostics) const {
  const std::optional<std::size_t> index = this->column(column.name);
  if (!index) {
    diagnostics.error("E0811", column.source, "the data file has no column '" + column.name + "'" + did_you_mean(column.name, columns()));
  }
  return index;
}

std::unique_ptr<Records> rows_of(const Records& records, std::vector<std::uint32_t> rows) {
  return std::make_unique<Chosen>(records, std::move(rows));
}

std::unique_ptr<Records> read_lines(std::string text, std::shared_ptr<const std::string> file) {
  return std::make_unique<Lines>(std::move(text), std::move(file));
}

std::unique_ptr<Records> open_records(const DataSpec& spec, Diagnostics& diagnostics) {
  std::vector<std::unique_ptr<Records>> parts;
  for (const DataPart& part : spec.parts) {
    auto records = open_part(spec, part, diagnostics);
    if (!records || diagnostics.has_errors()) return nullptr;
    if (!parts.empty() && parts[0]->columns() != records->columns()) {
      diagnostics.error("E0755", part.files.front().file.source,
                        "'" + part.files.front().file.name + "' has other columns than '" + spec.parts[0].files.front().file.name + "'",
                        "files of one set have the same columns in the same order");
      return nullptr;
    }
    parts.push_back(std::move(records));
  }
  return std::make_unique<Joined>(std::move(parts), spec);
}

}  // namespace tapeloop
