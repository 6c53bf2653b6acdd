// Tables of text: comma-separated values (RFC 4180) read strictly, every cell with its place in the file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/diagnostics.h"
#include "runtime/training/records.h"

namespace tapeloop {

struct CsvOptions {
  char delimiter = ',';
  bool quotes = true;               // a cell may stand in quotes; else they are characters like others
  std::vector<std::string> header;  // empty: the first line
  std::size_t max_bytes = std::size_t{1} << 31;
  std::size_t max_columns = 4096;
  std::size_t max_errors = 20;  // then the reading ends
};

// Cells are text; quotes are gone. Lines may end in LF or CRLF; the last one need not end. Empty lines at the end do not count.
class CsvTable : public Records {
 public:
  std::size_t rows() const override { return columns_.empty() ? 0 : cells_.size() / columns_.size(); }
  const std::vector<std::string>& columns() const override { return columns_; }
  Value value(std::size_t row, std::size_t column) const override { return text_value(cell(row, column)); }

  std::string_view cell(std::size_t row, std::size_t column) const;
  Source source(std::size_t row, std::size_t column) const override;  // file:line:column; counted when asked for

  // Every cell of the column as a finite number. Reports E0752 for the others: missing, NaN, infinite or no number.
  std::vector<double> numbers(std::size_t column, Diagnostics& diagnostics) const;

 private:
  friend class CsvReader;
  friend CsvTable read_csv(std::string text, std::shared_ptr<const std::string> file, const CsvOptions& options, Diagnostics& diagnostics);
  struct Cell {
    std::size_t offset = 0;  // in text_, of the first character, quotes left out
    std::size_t length = 0;
    bool unescaped = false;  // offset and length are in unescaped_
    std::size_t at = 0;      // in text_, of the cell
  };

  std::string_view view(const Cell& cell) const;
  Source place(std::size_t at) const;

  std::shared_ptr<const std::string> file_;
  std::string text_;
  std::string unescaped_;  // cells in which a quote stood twice
  std::vector<std::string> columns_;
  std::vector<Cell> cells_;  // row by row
  std::size_t max_errors_ = 0;
};

// E0750 quotes, E0751 a row of another length, E0753 limits, E0754 header. `file` is the name that messages show.
CsvTable read_csv(std::string text, std::shared_ptr<const std::string> file, const CsvOptions& options, Diagnostics& diagnostics);

// A finite number that is the whole text but for blanks around it.
std::optional<double> csv_number(std::string_view text);

}  // namespace tapeloop
