#include "runtime/training/record_dataset.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>
#include <utility>

#include "runtime/training/record_reader.h"

namespace tapeloop {
namespace {

std::vector<std::string> texts_of(const Records& records, std::size_t column) {
  std::vector<std::string> texts;
  for (std::size_t row = 0; row < records.rows(); ++row) texts.push_back(text_of(records.value(row, column)));
  return texts;
}

}  // namespace

RecordDataset::RecordDataset(DataSpec spec, const Records& all, const Vocabularies& known, Diagnostics& diagnostics)
    : spec_(std::move(spec)) {
  split_of_ = split_records(spec_.split, all, diagnostics);
  if (spec_.repeated) leave_out_repeated(all, diagnostics);
  for (std::size_t row = 0; row < split_of_.size(); ++row) {
    if (split_of_[row] != kNoSplit) rows_.push_back(static_cast<std::uint32_t>(row));
  }
  split_of_.erase(std::remove(split_of_.begin(), split_of_.end(), kNoSplit), split_of_.end());
  const std::unique_ptr<Records> chosen = rows_of(all, rows_);
  const Records& records = *chosen;
  count_tokens(records, known, diagnostics);
  if (diagnostics.has_errors()) return;
  for (const ColumnScale& scale : spec_.scale) records.find(scale.column, diagnostics);
  for (const DataInput& input : spec_.inputs) {
    const auto vocabulary = vocabularies_.find(input.tokens.name);
    InputNumbers read = read_numbers(input, spec_.scale, records, split_of_,
                                     vocabulary == vocabularies_.end() ? nullptr : &vocabulary->second, diagnostics);
    Sequence sequence{std::move(read.packed), std::move(read.scales), {}, false};
    InputForm form{input.input.name, input.input.source, std::move(read.shape), {}};
    sequence.of_set = spec_.sets && input.columns.size() == 1 && input.columns[0].name == spec_.sets->same.name && input.along.empty();
    if (spec_.sets && !sequence.of_set) form.axes.push_back(spec_.sets->along.name);
    for (const Cut& cut : input.along) form.axes.push_back(cut.axis.name);
    sequences_.push_back(std::move(sequence));
    add_form(std::move(form));
  }
  if (!diagnostics.has_errors()) read_alternatives(records);
  if (!diagnostics.has_errors()) check_axes(records, diagnostics);
  if (!diagnostics.has_errors()) make_examples(records, diagnostics);
}

// Left out of every split.
void RecordDataset::leave_out_repeated(const Records& records, Diagnostics& diagnostics) {
  const std::optional<std::size_t> column = records.find(spec_.repeated->column, diagnostics);
  if (!column) return;
  const std::vector<std::string> texts = texts_of(records, *column);
  std::map<std::string_view, std::size_t> counts;
  for (const std::string& text : texts) ++counts[text];
  std::set<std::string_view> seen;
  for (std::size_t row = 0; row < texts.size(); ++row) {
    const bool kept = counts[texts[row]] == 1 || (spec_.repeated->keep_first && seen.insert(texts[row]).second);
    if (!kept) split_of_[row] = kNoSplit;
  }
}

void RecordDataset::count_tokens(const Records& records, const Vocabularies& known, Diagnostics& diagnostics) {
  std::map<std::string, std::map<std::string, std::int64_t>> counts;
  std::map<std::string, bool> marks;
  for (const DataInput& input : spec_.inputs) {
    if (input.tokens.name.empty()) continue;
    const std::optional<std::size_t> column = records.find(input.columns.front(), diagnostics);
    if (!column) continue;
    auto& tokens = counts[input.tokens.name];
    marks[input.tokens.name] = marks[input.tokens.name] || input.begins || input.ends;
    const CutSink sink{[&](const Value& value) { ++tokens[text_of(value)]; }, [](std::size_t) {}};
    for (std::size_t row = 0; row < records.rows(); ++row) {
      if (split_of_[row] == 0) cut(records.value(row, *column), input, sink);  // what is wrong is reported by the reading
    }
  }
  for (const TokensSpec& tokens : spec_.tokens) {
    if (counts.contains(tokens.name.name)) continue;
    diagnostics.error("E0808", tokens.name.source, "train.data.tokens has '" + tokens.name.name + "', which no input reads");
  }
  for (const auto& [name, tokens] : counts) {
    const auto there = known.find(name);
    const auto spec =
        std::find_if(spec_.tokens.begin(), spec_.tokens.end(), [&, n = name](const TokensSpec& t) { return t.name.name == n; });
    vocabularies_[name] =
        there != known.end() ? there->second : Vocabulary(tokens, marks[name], spec == spec_.tokens.end() ? TokensSpec() : *spec);
  }
}

void RecordDataset::read_alternatives(const Records& records) {
  for (std::size_t k = 0; k < sequences_.size(); ++k) {
    const DataInput& input = spec_.inputs[k];
    const std::optional<std::size_t> column = records.column(input.columns.front().name);
    if (input.alternatives.empty() || !column) continue;
    for (std::size_t row = 0; row < records.rows(); ++row) {
      const std::string text = text_of(records.value(row, *column));
      const std::vector<std::string_view> answers = alternatives_of(text, input);
      for (std::size_t a = 1; a < answers.size(); ++a) {
        TokenIds ids;
        const auto add = [&](const Value& token) {
          const std::optional<std::size_t> id = vocabulary(k)->id(text_of(token));
          ids.push_back(id && !vocabulary(k)->is_unknown(static_cast<std::int64_t>(*id)) ? static_cast<std::int64_t>(*id) : -1);
        };
        cut(text_value(answers[a]), input, {add, [](std::size_t) {}});
        sequences_[k].others[static_cast<std::uint32_t>(row)].push_back(std::move(ids));
      }
    }
  }
}

const Vocabulary* RecordDataset::vocabulary(std::size_t input) const {
  const auto at = vocabularies_.find(spec_.inputs[input].tokens.name);
  return at == vocabularies_.end() ? nullptr : &at->second;
}

std::vector<TokenIds> RecordDataset::answers(Split split, std::uint32_t number, std::size_t input) const {
  const Sequence& sequence = sequences_[input];
  const Vocabulary& tokens = *vocabulary(input);
  std::vector<TokenIds> result(1);
  for (const std::uint32_t record : read_records(split, number, input)) {
    const auto [first, last] = sequence.packed.points(record, sequence.packed.starts.size());
    for (std::size_t point = first; point < last; ++point) {
      const auto id = static_cast<std::int64_t>(sequence.packed.values[point]);
      if (!tokens.is_mark(id)) result[0].push_back(tokens.is_unknown(id) ? -1 : id);
    }
    const auto others = sequence.others.find(record);
    if (others != sequence.others.end()) result.insert(result.end(), others->second.begin(), others->second.end());
  }
  return result;
}

// Runs of one axis are as long in every input.
void RecordDataset::check_axes(const Records& records, Diagnostics& diagnostics) {
  for (std::size_t k = 0; k < sequences_.size(); ++k) {
    const std::vector<Cut>& along = spec_.inputs[k].along;
    for (std::size_t level = 0; level < along.size(); ++level) {
      const NamedAt& axis = along[level].axis;
      if (spec_.sets && axis.name == spec_.sets->along.name) {
        diagnostics.error("E0808", axis.source, "axis '" + axis.name + "' is that of train.data.sets, and an input's own");
        continue;
      }
      const auto [at, is_new] = axes_.emplace(axis.name, AxisOf{k, level});
      const AxisOf other = at->second;
      if (is_new) continue;
      const auto& mine = sequences_[k].packed.starts[level];
      const auto& theirs = sequences_[other.input].packed.starts[other.level];
      if (mine == theirs) continue;
      std::size_t row = 0;
      while (row + 1 < records.rows() &&
             sequences_[k].packed.points(row, level + 1) == sequences_[other.input].packed.points(row, other.level + 1))
        ++row;
      diagnostics.error("E0818", axis.source,
                        "inputs '" + forms()[k].name + "' and '" + forms()[other.input].name + "' have other lengths on axis '" +
                            axis.name + "', first in " + records.source(row, 0).text(),
                        "sequences of their own lengths lie on axes of their own");
    }
  }
}

void RecordDataset::make_examples(const Records& records, Diagnostics& diagnostics) {
  std::vector<std::string> same(split_of_.size());
  if (spec_.sets && !spec_.sets->same.name.empty()) {
    const std::optional<std::size_t> column = records.find(spec_.sets->same, diagnostics);
    if (!column) return;
    same = texts_of(records, *column);
  }
  for (const Split split : kSplits) {
    const auto k = static_cast<std::size_t>(split);
    std::vector<std::uint32_t> numbers;
    for (std::size_t row = 0; row < split_of_.size(); ++row) {
      if (split_of_[row] == k) numbers.push_back(static_cast<std::uint32_t>(row));
    }
    sets_[k] = spec_.sets ? RecordSets::cut(spec_.sets->cuts[k], numbers, same, static_cast<std::uint32_t>(k))
                          : RecordSets::single(std::move(numbers));
    const bool wanted = k == 0 || !spec_.split.ranges[k].empty();
    if (sets_[k].size() > 0 || !wanted) continue;
    const Source& source = spec_.split.ranges[k].empty() ? spec_.source : spec_.split.ranges[k].front().source;
    diagnostics.error("E0812", source, std::string("train.data gives no example for the split ") + split_name(split),
                      spec_.sets ? "train.data.sets has to say sizes for each split, none larger than the records of one value" : "");
  }
}

std::vector<std::uint32_t> RecordDataset::pass(Split split, std::int64_t epoch) const {
  const RecordSets& sets = of(split);
  const bool one = split == Split::kTrain && sets.passes() > 1;
  const auto [first, last] = one ? sets.pass(static_cast<std::size_t>(epoch) % sets.passes()) : std::pair(std::size_t{0}, sets.size());
  std::vector<std::uint32_t> numbers(last - first);
  std::iota(numbers.begin(), numbers.end(), static_cast<std::uint32_t>(first));
  return numbers;
}

std::size_t RecordDataset::length(Split split, std::uint32_t number, const std::string& axis) const {
  const auto at = axes_.find(axis);
  const bool of_sets = spec_.sets && axis == spec_.sets->along.name;
  if (of_sets || at == axes_.end()) return of_sets ? of(split).records(number).size() : 0;
  std::size_t sum = 0;
  for (const std::uint32_t record : of(split).records(number)) {
    const auto [first, last] = sequences_[at->second.input].packed.points(record, at->second.level + 1);
    sum += last - first;
  }
  return sum;
}

std::span<const std::uint32_t> RecordDataset::read_records(Split split, std::uint32_t number, std::size_t input) const {
  const std::span<const std::uint32_t> records = of(split).records(number);
  return lies_on_sets(input) ? records : records.first(1);
}

std::vector<std::size_t> RecordDataset::longest(Split split, std::span<const std::uint32_t> numbers, std::size_t input) const {
  const Packed& packed = sequences_[input].packed;
  const std::size_t outer = lies_on_sets(input) ? 1 : 0;
  std::vector<std::size_t> result(outer + packed.starts.size(), 0);
  for (const std::uint32_t number : numbers) {
    const auto records = read_records(split, number, input);
    if (outer > 0) result[0] = std::max(result[0], records.size());
    for (const std::uint32_t record : records) {
      for (std::size_t level = 0; level < packed.starts.size(); ++level) {
        const auto [first, last] = packed.points(record, level);
        for (std::size_t p = first; p < last; ++p) {
          result[outer + level] = std::max<std::size_t>(result[outer + level], packed.starts[level][p + 1] - packed.starts[level][p]);
        }
      }
    }
  }
  return result;
}

template <class Visit>
void RecordDataset::walk(Split split, std::span<const std::uint32_t> numbers, std::size_t input, const std::vector<std::size_t>& longest,
                         const Visit& visit) const {
  const Packed& packed = sequences_[input].packed;
  const std::size_t outer = lies_on_sets(input) ? 1 : 0;
  const auto descend = [&](const auto& self, std::size_t level, std::size_t point, std::size_t at) -> void {
    if (level == packed.starts.size()) return visit(at, point);
    const std::size_t first = packed.starts[level][point], last = packed.starts[level][point + 1];
    for (std::size_t p = first; p < last; ++p) self(self, level + 1, p, at * longest[outer + level] + (p - first));
  };
  for (std::size_t row = 0; row < numbers.size(); ++row) {
    const auto records = read_records(split, numbers[row], input);
    for (std::size_t k = 0; k < records.size(); ++k) descend(descend, 0, records[k], outer > 0 ? row * longest[0] + k : row);
  }
}

template <class T>
void RecordDataset::fill_batch(Split split, std::span<const std::uint32_t> numbers, Batch<T>& batch) const {
  batch.rows = static_cast<std::int64_t>(numbers.size());
  batch.example_ids.clear();
  for (const std::uint32_t number : numbers) batch.example_ids.push_back(spec_.sets ? number : of(split).records(number)[0]);
  for (std::size_t k = 0; k < sequences_.size(); ++k) {
    const Packed& packed = sequences_[k].packed;
    const std::vector<std::size_t> most = longest(split, numbers, k);
    Array<T>& array = batch.inputs[forms()[k].name];
    array.dims.assign(1, batch.rows);
    for (const std::size_t dim : most) array.dims.push_back(static_cast<std::int64_t>(dim));
    const std::size_t positions = std::accumulate(most.begin(), most.end(), numbers.size(), std::multiplies<>());
    array.dims.insert(array.dims.end(), forms()[k].shape.begin(), forms()[k].shape.end());
    array.data.assign(positions * packed.elements, T{0});
    walk(split, numbers, k, most, [&](std::size_t at, std::size_t point) {
      for (std::size_t e = 0; e < packed.elements; ++e)
        array.data[at * packed.elements + e] = static_cast<T>(packed.values[point * packed.elements + e]);
    });
  }
  for (const auto& [axis, from] : axes_) {
    std::vector<std::int32_t>& lengths = batch.lengths[axis];
    const auto& starts = sequences_[from.input].packed.starts[from.level];
    lengths.clear();
    for (const std::uint32_t number : numbers) {
      for (const std::uint32_t record : read_records(split, number, from.input)) {
        const auto [first, last] = sequences_[from.input].packed.points(record, from.level);
        for (std::size_t p = first; p < last; ++p) lengths.push_back(static_cast<std::int32_t>(starts[p + 1] - starts[p]));
      }
    }
  }
  if (!spec_.sets) return;
  std::vector<std::int32_t>& sizes = batch.lengths[spec_.sets->along.name];
  sizes.clear();
  for (const std::uint32_t number : numbers) sizes.push_back(static_cast<std::int32_t>(of(split).records(number).size()));
}

Dataset::Targets RecordDataset::targets(Split split, std::span<const std::uint32_t> numbers, std::size_t input) const {
  const Packed& packed = sequences_[input].packed;
  const std::vector<std::size_t> most = longest(split, numbers, input);
  Targets targets;
  targets.positions = std::accumulate(most.begin(), most.end(), std::size_t{1}, std::multiplies<>());
  targets.elements = packed.elements;
  targets.counts.assign(numbers.size() * targets.positions, false);
  targets.values.assign(targets.counts.size() * targets.elements, 0.0);
  walk(split, numbers, input, most, [&](std::size_t at, std::size_t point) {
    targets.counts[at] = true;
    for (std::size_t e = 0; e < packed.elements; ++e) {
      const double value = static_cast<double>(packed.values[point * packed.elements + e]);
      targets.values[at * packed.elements + e] = scale_of(input, e).invert(value);
    }
  });
  return targets;
}

std::optional<Dataset::Place> RecordDataset::find_misfit(std::size_t input, const std::function<bool(double)>& fits) const {
  const Packed& packed = sequences_[input].packed;
  const auto misfit = std::find_if(packed.values.begin(), packed.values.end(), [&](float value) { return !fits(value); });
  if (misfit == packed.values.end()) return std::nullopt;
  const std::size_t point = static_cast<std::size_t>(misfit - packed.values.begin()) / packed.elements;
  std::size_t record = 0;
  while (packed.points(record, packed.starts.size()).second <= point) ++record;
  Place place{*misfit, {}};
  Diagnostics unheard;  // it has been read before
  const std::unique_ptr<Records> records = open_records(spec_, unheard);
  const std::optional<std::size_t> column = records ? records->column(spec_.inputs[input].columns.front().name) : std::nullopt;
  if (column) place.source = records->source(rows_[record], *column);
  return place;
}

}  // namespace tapeloop
