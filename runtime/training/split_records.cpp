// Who trains on what: by ranges of columns, by the file, by a hash.
#include <algorithm>
#include <iterator>
#include <list>
#include <map>

#include "runtime/training/csv.h"
#include "runtime/training/hash.h"
#include "runtime/training/records.h"

namespace tapeloop {
namespace {

// Membership of a record by one column.
class RangeTest {
 public:
  RangeTest(const SplitRange& range, const std::vector<std::string>& cells) : range_(range), cells_(cells) {
    const auto is_number = [](const std::string& text) { return csv_number(text).has_value(); };
    as_numbers_ = is_number(range.first) && is_number(range.last) && std::all_of(cells.begin(), cells.end(), is_number);
  }
  bool holds(std::size_t row) const {
    const std::string& cell = cells_[row];
    if (!as_numbers_) return cell >= range_.first && cell <= range_.last;
    const double value = *csv_number(cell);
    return value >= *csv_number(range_.first) && value <= *csv_number(range_.last);
  }
  bool reversed() const { return as_numbers_ ? *csv_number(range_.first) > *csv_number(range_.last) : range_.first > range_.last; }
  const std::string& cell(std::size_t row) const { return cells_[row]; }

 private:
  const SplitRange& range_;
  const std::vector<std::string>& cells_;
  bool as_numbers_ = false;
};

class Splitter {
 public:
  Splitter(const SplitSpec& spec, const Records& records, Diagnostics& diagnostics)
      : spec_(spec), records_(records), diagnostics_(diagnostics) {}

  std::vector<std::uint8_t> split() {
    std::vector<std::uint8_t> split_of(records_.rows(), spec_.given ? kNoSplit : std::uint8_t{0});
    if (!spec_.column.name.empty()) cells(spec_.column);  // reported even if no split reads it
    for (std::size_t k = 0; k < kSplits.size(); ++k) {
      if (!spec_.ranges[k].empty()) assign(k, split_of);
    }
    if (spec_.given) warn_of_words(split_of);
    return split_of;
  }

 private:
  void assign(std::size_t split, std::vector<std::uint8_t>& split_of) {
    const std::string path = std::string("train.data.split.") + split_name(kSplits[split]);
    std::vector<RangeTest> tests;
    for (const SplitRange& range : spec_.ranges[split]) {
      const std::vector<std::string>* column = cells(range.column.name.empty() ? spec_.column : range.column);
      if (!column) return;
      tests.emplace_back(range, *column);
      if (!tests.back().reversed()) continue;
      diagnostics_.error("E0807", range.source, path + " ends (" + range.last + ") before it starts (" + range.first + ")");
    }
    for (std::size_t row = 0; row < split_of.size(); ++row) {
      if (!std::all_of(tests.begin(), tests.end(), [&](const RangeTest& test) { return test.holds(row); })) continue;
      if (split_of[row] != kNoSplit) {
        diagnostics_.error("E0807", spec_.ranges[split].front().source,
                           path + " overlaps with " + split_name(kSplits[split_of[row]]) + ": both have " + tests.front().cell(row));
        return;
      }
      split_of[row] = static_cast<std::uint8_t>(split);
    }
  }

  // Splits by words of one column mean to have all of it: what is in none of them is more likely a slip.
  void warn_of_words(const std::vector<std::uint8_t>& split_of) {
    if (spec_.modulo > 0 || spec_.column.name.empty() || diagnostics_.has_errors()) return;
    for (const std::vector<SplitRange>& ranges : spec_.ranges) {
      for (const SplitRange& range : ranges) {
        if (!range.column.name.empty() || range.first != range.last || csv_number(range.first)) return;
      }
    }
    const std::vector<std::string>* words = cells(spec_.column);
    std::map<std::string, std::size_t> counts;
    std::size_t rows = 0;
    for (std::size_t row = 0; words && row < split_of.size(); ++row) {
      if (split_of[row] != kNoSplit) continue;
      ++counts[(*words)[row]];
      ++rows;
    }
    if (rows == 0) return;
    constexpr std::size_t kShown = 5;
    std::string text;
    for (auto at = counts.begin(); at != counts.end() && std::distance(counts.begin(), at) < static_cast<std::ptrdiff_t>(kShown); ++at) {
      text += (text.empty() ? "'" : ", '") + at->first + "' (" + std::to_string(at->second) + ")";
    }
    diagnostics_.warning("W0801", spec_.column.source,
                         std::to_string(rows) + (rows == 1 ? " row is" : " rows are") + " in no split: column '" + spec_.column.name +
                             "' also has " + text + (counts.size() > kShown ? " .." : ""),
                         "write it as a split names it; what is meant to be left out may stay so");
  }

  // The column of every record; null after a report. Hashed, if it is the one that is.
  const std::vector<std::string>* cells(const NamedAt& column) {
    const bool hashed = spec_.modulo > 0 && &column == &spec_.column;
    const std::string key = hashed ? "" : column.name;
    const auto known = std::find_if(columns_.begin(), columns_.end(), [&](const auto& entry) { return entry.first == key; });
    if (known != columns_.end()) return &known->second;
    const std::optional<std::size_t> index = records_.find(column, diagnostics_);
    if (!index) return nullptr;
    std::vector<std::string> texts;
    for (std::size_t row = 0; row < records_.rows(); ++row) {
      std::string text = text_of(records_.value(row, *index));
      texts.push_back(hashed ? std::to_string(sha1_modulo(text, static_cast<std::uint32_t>(spec_.modulo))) : std::move(text));
    }
    columns_.emplace_back(key, std::move(texts));
    return &columns_.back().second;
  }

  const SplitSpec& spec_;
  const Records& records_;
  Diagnostics& diagnostics_;
  std::list<std::pair<std::string, std::vector<std::string>>> columns_;  // by name; "" the hashed one
};

}  // namespace

std::vector<std::uint8_t> split_records(const SplitSpec& spec, const Records& records, Diagnostics& diagnostics) {
  return Splitter(spec, records, diagnostics).split();
}

}  // namespace tapeloop
