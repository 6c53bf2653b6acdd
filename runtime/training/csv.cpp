#include "runtime/training/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace tapeloop {

// One pass over the text: cell after cell, row after row.
class CsvReader {
 public:
  CsvReader(CsvTable& table, const CsvOptions& options, Diagnostics& diagnostics)
      : table_(table), text_(table.text_), options_(options), diagnostics_(diagnostics) {}

  void read() {
    if (text_.size() > options_.max_bytes) {
      return error("E0753", 0,
                   "the file has " + std::to_string(text_.size()) + " bytes; at most " + std::to_string(options_.max_bytes) + " are read");
    }
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;  // a byte order mark
    if (!read_header()) return;
    while (at_ < text_.size() && !stopped_) {
      if (only_blank_lines_left()) return;
      read_row();
    }
  }

 private:
  using Cell = CsvTable::Cell;

  bool read_header() {
    table_.columns_ = options_.header;
    if (table_.columns_.empty()) {
      if (at_ >= text_.size()) error("E0754", at_, "the file is empty", "the first line names the columns");
      std::vector<Cell> cells;
      if (stopped_ || !read_cells(cells)) return false;
      for (const Cell& cell : cells) add_column(cell);
    }
    if (table_.columns_.size() > options_.max_columns) {
      error("E0753", 0,
            "the file has " + std::to_string(table_.columns_.size()) + " columns; at most " + std::to_string(options_.max_columns) +
                " are read");
      table_.columns_.clear();
    }
    return !table_.columns_.empty() && !stopped_;
  }

  void add_column(const Cell& cell) {
    const std::string name(view(cell));
    std::vector<std::string>& columns = table_.columns_;
    if (name.empty()) error("E0754", cell.at, "the header has a column without a name");
    if (std::find(columns.begin(), columns.end(), name) != columns.end()) {
      error("E0754", cell.at, "the header has the column '" + name + "' twice");
    }
    columns.push_back(name);
  }

  bool only_blank_lines_left() const { return text_.find_first_not_of("\r\n", at_) == std::string::npos; }

  void read_row() {
    row_.clear();
    const std::size_t start = at_;
    if (!read_cells(row_)) return;
    if (row_.size() == table_.columns_.size()) {
      table_.cells_.insert(table_.cells_.end(), row_.begin(), row_.end());
      return;
    }
    error("E0751", start,
          "this row has " + std::to_string(row_.size()) + " cells; the header has " + std::to_string(table_.columns_.size()) + " columns");
  }

  // Cells up to the end of the line.
  bool read_cells(std::vector<Cell>& cells) {
    while (true) {
      Cell cell;
      cell.at = at_;
      const bool quoted = options_.quotes && at_ < text_.size() && text_[at_] == '"';
      if (quoted ? !read_quoted(cell) : !read_plain(cell)) return false;
      cells.push_back(cell);
      if (cells.size() > options_.max_columns + 1) cells.pop_back();  // the row is refused; its cells need not be kept
      if (at_ >= text_.size()) return true;
      if (text_[at_] == options_.delimiter) {
        ++at_;
        continue;
      }
      at_ += text_[at_] == '\r' ? 2 : 1;
      return true;
    }
  }

  bool at_line_end() const {
    return at_ >= text_.size() || text_[at_] == '\n' || (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n');
  }

  bool read_plain(Cell& cell) {
    while (!at_line_end() && text_[at_] != options_.delimiter) {
      if (text_[at_] == '"' && options_.quotes) return skip_line("E0750", at_, "a quote inside a cell that does not start with one");
      ++at_;
    }
    cell.offset = cell.at;
    cell.length = at_ - cell.at;
    return true;
  }

  bool read_quoted(Cell& cell) {
    bool doubled = false;
    std::size_t end = cell.at + 1;
    while (true) {
      end = text_.find('"', end);
      if (end == std::string::npos) {
        error("E0750", cell.at, "this quote is never closed");
        stopped_ = true;
        return false;
      }
      if (end + 1 >= text_.size() || text_[end + 1] != '"') break;
      doubled = true;
      end += 2;
    }
    at_ = end + 1;
    if (!at_line_end() && text_[at_] != options_.delimiter) {
      return skip_line("E0750", at_, "a cell goes on after its closing quote", "write a quote inside a cell twice");
    }
    cell.offset = cell.at + 1;
    cell.length = end - cell.at - 1;
    if (doubled) unescape(cell);
    return true;
  }

  void unescape(Cell& cell) {
    std::string& to = table_.unescaped_;
    const std::size_t start = to.size();
    for (std::size_t i = cell.offset; i < cell.offset + cell.length; ++i) {
      to += text_[i];
      if (text_[i] == '"') ++i;
    }
    cell.offset = start;
    cell.length = to.size() - start;
    cell.unescaped = true;
  }

  bool skip_line(std::string_view code, std::size_t at, std::string message, std::string help = {}) {
    error(code, at, std::move(message), std::move(help));
    const std::size_t end = text_.find('\n', at);
    at_ = end == std::string::npos ? text_.size() : end + 1;
    return false;
  }

  void error(std::string_view code, std::size_t at, std::string message, std::string help = {}) {
    diagnostics_.error(code, table_.place(at), std::move(message), std::move(help));
    stopped_ = stopped_ || ++errors_ >= options_.max_errors;
  }

  std::string_view view(const Cell& cell) const { return table_.view(cell); }

  CsvTable& table_;
  const std::string& text_;
  const CsvOptions& options_;
  Diagnostics& diagnostics_;
  std::vector<Cell> row_;
  std::size_t at_ = 0;
  std::size_t errors_ = 0;
  bool stopped_ = false;
};

std::string_view CsvTable::cell(std::size_t row, std::size_t column) const { return view(cells_[row * columns_.size() + column]); }

std::string_view CsvTable::view(const Cell& cell) const {
  return std::string_view(cell.unescaped ? unescaped_ : text_).substr(cell.offset, cell.length);
}

Source CsvTable::source(std::size_t row, std::size_t column) const { return place(cells_[row * columns_.size() + column].at); }

Source CsvTable::place(std::size_t at) const {
  const std::string_view before = std::string_view(text_).substr(0, at);
  const std::size_t start = before.rfind('\n');
  const auto line = static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  return {file_, line + 1, static_cast<int>(start == std::string_view::npos ? at : at - start - 1) + 1};
}

std::vector<double> CsvTable::numbers(std::size_t column, Diagnostics& diagnostics) const {
  std::vector<double> values(rows());
  std::size_t errors = 0;
  for (std::size_t row = 0; row < values.size() && errors < max_errors_; ++row) {
    const std::string_view text = cell(row, column);
    if (const std::optional<double> value = csv_number(text)) {
      values[row] = *value;
      continue;
    }
    ++errors;
    const std::string found =
        text.find_first_not_of(" \t") == std::string_view::npos ? "nothing" : "'" + std::string(text.substr(0, 40)) + "'";
    diagnostics.error("E0752", source(row, column), "column '" + columns_[column] + "': expected a finite number, found " + found,
                      "fill in missing values, or leave out their rows, before training");
  }
  return values;
}

CsvTable read_csv(std::string text, std::shared_ptr<const std::string> file, const CsvOptions& options, Diagnostics& diagnostics) {
  CsvTable table;
  table.text_ = std::move(text);
  table.file_ = std::move(file);
  table.max_errors_ = options.max_errors;
  CsvReader(table, options, diagnostics).read();
  return table;
}

std::optional<double> csv_number(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(" \t") - first + 1);
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = result.ec == std::errc() && result.ptr == text.data() + text.size();
  return whole && std::isfinite(value) ? std::optional<double>(value) : std::nullopt;
}

}  // namespace tapeloop
