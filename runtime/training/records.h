// What data files hold, whatever their format: records, each with a value for every column.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostics.h"
#include "runtime/training/data_spec.h"

namespace tapeloop {

struct Value {
  enum class Kind { kText, kArray, kList };
  Kind kind = Kind::kText;
  std::string_view text;           // lives as long as the records
  std::vector<std::int64_t> dims;  // of an array; {}: one number
  std::vector<double> numbers;     // row-major
  std::vector<Value> items;
};

Value text_value(std::string_view text);
Value number_value(double number);
// For comparing and counting: the text itself, a number as it is written, a list in brackets.
std::string text_of(const Value& value);
std::optional<double> number_of(const Value& value);  // of a number, or of text that is one

class Records {
 public:
  virtual ~Records() = default;
  Records() = default;
  Records(const Records&) = default;
  Records& operator=(const Records&) = default;
  Records(Records&&) = default;
  Records& operator=(Records&&) = default;

  virtual std::size_t rows() const = 0;
  virtual const std::vector<std::string>& columns() const = 0;
  virtual Value value(std::size_t row, std::size_t column) const = 0;
  virtual Source source(std::size_t row, std::size_t column) const = 0;  // where it stands

  std::optional<std::size_t> column(std::string_view name) const;
  // Reports E0811 for a column that is not there.
  std::optional<std::size_t> find(const NamedAt& column, Diagnostics& diagnostics) const;
};

// Every file of the specification, one after the other, with the columns `row` (in its file, from 0) and, of several, `file` (its
// key), but where the file has a column of that name. Reports what is wrong with the files (E0750 ..); throws FileError.
std::unique_ptr<Records> open_records(const DataSpec& spec, Diagnostics& diagnostics);

// The records of these rows. REQUIRES: `records` outlives the result.
std::unique_ptr<Records> rows_of(const Records& records, std::vector<std::uint32_t> rows);

// One example a line: the column `line`. The last line need not end; empty lines at the end do not count.
std::unique_ptr<Records> read_lines(std::string text, std::shared_ptr<const std::string> file);

// A JSON object a line, all with the keys of the first (E0757). Their values are texts, numbers, true and false (1 and 0), and lists.
std::unique_ptr<Records> read_json_lines(std::string_view text, std::shared_ptr<const std::string> file, Diagnostics& diagnostics);

// The split of each record: 0 train, 1 validation, 2 test, 3 none. Reports E0807 and E0811.
constexpr std::uint8_t kNoSplit = 3;
std::vector<std::uint8_t> split_records(const SplitSpec& spec, const Records& records, Diagnostics& diagnostics);

}  // namespace tapeloop
