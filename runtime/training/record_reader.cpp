#include "runtime/training/record_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "runtime/training/parameters.h"

namespace tapeloop {
namespace {

constexpr int kMostErrors = 20;

// The numbers of a rectangle of lists; false for anything else.
bool flatten(const Value& value, std::vector<std::int64_t>& dims, std::vector<double>& numbers) {
  if (value.kind == Value::Kind::kArray) {
    dims = value.dims;
    numbers.insert(numbers.end(), value.numbers.begin(), value.numbers.end());
    return true;
  }
  const std::optional<double> number = number_of(value);
  if (number) numbers.push_back(*number);
  dims.clear();
  if (value.kind == Value::Kind::kText) return number.has_value();
  for (const Value& item : value.items) {
    std::vector<std::int64_t> inner;
    if (!flatten(item, inner, numbers)) return false;
    inner.insert(inner.begin(), static_cast<std::int64_t>(value.items.size()));
    if (!dims.empty() && dims != inner) return false;
    dims = inner;
  }
  if (dims.empty()) dims = {0};
  return true;
}

class Reader {
 public:
  Reader(const DataInput& input, const Records& records, const Vocabulary* vocabulary, Diagnostics& diagnostics)
      : input_(input), records_(records), vocabulary_(vocabulary), diagnostics_(diagnostics) {}

  InputNumbers read(const std::vector<ColumnScale>& scales, const std::vector<std::uint8_t>& split_of) {
    const bool plain = input_.along.empty() && !vocabulary_;
    if (plain && (input_.columns.size() > 1 || input_.as != ReadAs::kNumber || !input_.scalar)) {
      read_columns(scales, split_of);
    } else {
      read_sequences(scales, split_of);
    }
    return std::move(result_);
  }

 private:
  // [columns], or their words as numbers or as [words].
  void read_columns(const std::vector<ColumnScale>& scales, const std::vector<std::uint8_t>& split_of) {
    std::vector<std::vector<double>> columns;  // [elements][records]
    for (const NamedAt& column : input_.columns) {
      const std::optional<std::size_t> index = records_.find(column, diagnostics_);
      if (!index) continue;
      const std::size_t first = columns.size();
      if (input_.as == ReadAs::kNumber) {
        columns.push_back(numbers(*index));
      } else {
        add_words(*index, columns);
      }
      for (std::size_t k = first; k < columns.size(); ++k) result_.scales.push_back(fit(column, scales, columns[k], split_of, *index));
    }
    result_.packed.elements = columns.size();
    if (!input_.scalar) result_.shape = {static_cast<std::int64_t>(columns.size())};
    for (std::size_t row = 0; row < records_.rows(); ++row) {
      for (std::size_t k = 0; k < columns.size(); ++k) {
        result_.packed.values.push_back(static_cast<float>(result_.scales[k].apply(columns[k][row])));
      }
    }
  }

  std::vector<double> numbers(std::size_t column) {
    std::vector<double> result(records_.rows());
    for (std::size_t row = 0; row < result.size(); ++row) {
      const std::optional<double> number = number_of(records_.value(row, column));
      if (!number) no_number(row, column, records_.value(row, column));
      result[row] = number.value_or(0);
    }
    return result;
  }

  void add_words(std::size_t column, std::vector<std::vector<double>>& columns) const {
    std::vector<std::string> cells, words;
    for (std::size_t row = 0; row < records_.rows(); ++row) cells.push_back(text_of(records_.value(row, column)));
    words = cells;
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    const std::size_t first = columns.size();
    columns.resize(first + (input_.as == ReadAs::kOneHot ? words.size() : 1), std::vector<double>(cells.size(), 0.0));
    for (std::size_t row = 0; row < cells.size(); ++row) {
      const auto id = static_cast<std::size_t>(std::lower_bound(words.begin(), words.end(), cells[row]) - words.begin());
      (input_.as == ReadAs::kOneHot ? columns[first + id] : columns[first])[row] =
          input_.as == ReadAs::kOneHot ? 1.0 : static_cast<double>(id);
    }
  }

  void read_sequences(const std::vector<ColumnScale>& scales, const std::vector<std::uint8_t>& split_of) {
    const std::optional<std::size_t> column = records_.find(input_.columns.front(), diagnostics_);
    if (!column) return;
    starts_.assign(input_.along.size(), {0});
    const CutSink sink{[&](const Value& value) { add_leaf(value); }, [&](std::size_t axis) { end_run(axis); }};
    for (row_ = 0; row_ < records_.rows(); ++row_) {
      column_ = *column;
      open_ = true;
      const std::string wrong = cut(records_.value(row_, *column), input_, sink);
      if (!wrong.empty()) error("E0756", "column '" + input_.columns.front().name + "' " + wrong);
    }
    result_.packed.starts = std::move(starts_);
    result_.packed.elements = elements_;
    result_.shape = shape_.value_or(std::vector<std::int64_t>());
    const auto own =
        std::any_of(scales.begin(), scales.end(), [&](const ColumnScale& s) { return s.column.name == input_.columns[0].name; });
    std::vector<std::uint8_t> splits;  // of each number
    for (std::size_t row = 0; own && row < records_.rows() && !diagnostics_.has_errors(); ++row) {
      const auto [first, last] = result_.packed.points(row, input_.along.size());
      splits.resize(last * elements_, split_of[row]);
    }
    result_.scales.push_back(own && !diagnostics_.has_errors() ? fit(input_.columns[0], scales, raw_, splits, *column) : Scale());
    for (const double number : raw_) result_.packed.values.push_back(static_cast<float>(result_.scales[0].apply(number)));
  }

  // Marks stand at the ends of the innermost runs.
  void end_run(std::size_t axis) {
    if (axis + 1 == input_.along.size()) {
      if (open_ && input_.begins) add_mark();
      if (input_.ends) add_mark();
      open_ = true;
    }
    starts_[axis].push_back(static_cast<std::uint32_t>(axis + 1 == input_.along.size() ? leaves_ : starts_[axis + 1].size() - 1));
  }

  void add_mark() {
    raw_.push_back(0);
    ++leaves_;
  }

  void add_leaf(const Value& value) {
    if (open_ && input_.begins) add_mark();
    open_ = false;
    ++leaves_;
    if (vocabulary_) {
      const std::optional<std::size_t> id = vocabulary_->id(text_of(value));
      if (!id) no_token(text_of(value));
      raw_.push_back(static_cast<double>(id.value_or(0)));
      return;
    }
    std::vector<std::int64_t> dims;
    const std::size_t before = raw_.size();
    if (!flatten(value, dims, raw_)) return no_number(row_, column_, value);
    if (!shape_) {
      shape_ = dims;
      elements_ = raw_.size() - before;
    }
    if (dims == *shape_) return;
    raw_.resize(before + elements_);
    error("E0756", "column '" + input_.columns.front().name + "' has an item of shape " + dims_text(dims) + ", before it one of shape " +
                       dims_text(*shape_));
  }

  void no_token(const std::string& token) {
    error("E0817", "'" + token + "' is not in the vocabulary '" + input_.tokens.name + "' of the training split",
          "write tokens: {" + input_.tokens.name + ": {unknown: true}} in train.data");
  }

  void no_number(std::size_t row, std::size_t column, const Value& value) {
    row_ = row;
    column_ = column;
    raw_.resize(leaves_ * elements_);
    const std::string text = text_of(value).substr(0, 40);
    error("E0752",
          "column '" + records_.columns()[column] + "': expected a finite number, found " + (text.empty() ? "nothing" : "'" + text + "'"),
          "a text is cut by along: {AXIS: words} or {AXIS: characters}, and read by tokens: NAME");
  }

  Scale fit(const NamedAt& column, const std::vector<ColumnScale>& scales, const std::vector<double>& values,
            const std::vector<std::uint8_t>& split_of, std::size_t index) {
    const auto at = std::find_if(scales.begin(), scales.end(), [&](const ColumnScale& s) { return s.column.name == column.name; });
    if (at == scales.end() || input_.as != ReadAs::kNumber || vocabulary_) return {};
    std::vector<double> training;
    for (std::size_t k = 0; k < values.size(); ++k) {
      if (!Scale::accepts(at->steps, values[k])) {
        diagnostics_.error("E0813", records_.source(0, index),
                           "column '" + column.name + "': sqrt takes numbers from -1 on, found " + std::to_string(values[k]));
        return {};
      }
      if (split_of[k] == 0) training.push_back(values[k]);
    }
    return {at->steps, training};
  }

  void error(std::string_view code, std::string message, std::string help = {}) {
    if (errors_++ < kMostErrors) diagnostics_.error(code, records_.source(row_, column_), std::move(message), std::move(help));
  }

  const DataInput& input_;
  const Records& records_;
  const Vocabulary* vocabulary_;
  Diagnostics& diagnostics_;
  InputNumbers result_;
  std::vector<std::vector<std::uint32_t>> starts_;
  std::optional<std::vector<std::int64_t>> shape_;
  std::size_t elements_ = 1;
  std::size_t leaves_ = 0;
  std::vector<double> raw_;  // as the file has them
  bool open_ = true;         // no leaf of this innermost run yet
  std::size_t row_ = 0, column_ = 0;
  int errors_ = 0;
};

}  // namespace

InputNumbers read_numbers(const DataInput& input, const std::vector<ColumnScale>& scales, const Records& records,
                          const std::vector<std::uint8_t>& split_of, const Vocabulary* vocabulary, Diagnostics& diagnostics) {
  return Reader(input, records, vocabulary, diagnostics).read(scales, split_of);
}

}  // namespace tapeloop
