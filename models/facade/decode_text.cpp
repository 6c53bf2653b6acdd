#include "models/facade/decode_text.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "runtime/training/record_dataset.h"

namespace tapeloop {
namespace {

const DataInput& input_named(const DataSpec& spec, const std::string& name) {
  return *std::find_if(spec.inputs.begin(), spec.inputs.end(), [&](const DataInput& input) { return input.input.name == name; });
}

void needs_decoding(const Training& training, Trainer<float>& trainer) {
  if (trainer.decoder()) return;
  Diagnostics diagnostics;
  diagnostics.error("E0810", training.spec().data.source, "the model's train: section does not say what decoding gives",
                    "add decoding: {output: .., target: .., report: [sequence_error]} to train:");
  raise_errors(diagnostics);
}

// The one that decoding reads.
const DataInput& what_is_read(const Training& training, Trainer<float>& trainer) {
  needs_decoding(training, trainer);
  Diagnostics diagnostics;
  const DataSpec& data = training.spec().data;
  const std::vector<std::string> inputs = trainer.decoder()->inputs();
  if (inputs.size() != 1 || input_named(data, inputs[0]).tokens.name.empty()) {
    diagnostics.error("E0810", data.source,
                      "only what a model makes of one input of tokens is printed as text; in decoding this one reads " +
                          std::to_string(inputs.size()) + " inputs" + (inputs.size() == 1 ? ", of numbers" : ""),
                      inputs.empty() ? "ask for a number of texts, --samples 10" : "");
  }
  raise_errors(diagnostics);
  return input_named(data, inputs[0]);
}

std::string as_text(const TokenIds& ids, const DataInput& input, const Vocabulary& vocabulary) {
  const bool characters = !input.along.empty() && input.along.back().by == "characters";
  std::string text;
  for (const std::int64_t id : ids) {
    if (!characters && !text.empty()) text += ' ';
    // A model may have room for more tokens than there are.
    const bool known = id >= 0 && static_cast<std::size_t>(id) < vocabulary.size();
    text += known ? vocabulary.text(static_cast<std::size_t>(id)) : "<unknown>";
  }
  return text;
}

// The vocabulary and the cut of what decoding says.
const DataInput& target_of(const Training& training, Trainer<float>& trainer) {
  return input_named(training.spec().data, trainer.decoder()->spec().target.name);
}
const Vocabulary& words_of(const Training& training, const DataInput& target) {
  return *training.data().vocabulary(training.data().input(target.input.name));
}

std::vector<DecodedText> decode(const Training& training, Trainer<float>& trainer, const DataInput& read, const Dataset& data,
                                Split split) {
  constexpr std::size_t kRows = 256;
  const DataInput& target = target_of(training, trainer);
  const Vocabulary& words = words_of(training, target);
  const std::size_t place = data.input(read.input.name);
  std::vector<std::uint32_t> numbers(data.examples(split));
  std::iota(numbers.begin(), numbers.end(), 0U);
  std::vector<DecodedText> result;
  for (std::size_t first = 0; first < numbers.size(); first += kRows) {
    const auto part = std::span(numbers).subspan(first, std::min(kRows, numbers.size() - first));
    const std::vector<TokenIds> said = trainer.decoder()->decode(data, split, part, words);
    for (std::size_t k = 0; k < part.size(); ++k) {
      const TokenIds example = data.answers(split, part[k], place).front();
      result.push_back({as_text(example, read, *data.vocabulary(place)), as_text(said[k], target, words)});
    }
  }
  return result;
}

}  // namespace

std::vector<DecodedText> decode_split(const Training& training, Trainer<float>& trainer, Split split) {
  return decode(training, trainer, what_is_read(training, trainer), training.data(), split);
}

std::vector<DecodedText> decode_texts(const Training& training, Trainer<float>& trainer, const std::vector<std::string>& texts) {
  const DataInput& read = what_is_read(training, trainer);
  std::string lines;
  for (const std::string& text : texts) lines += text + "\n";
  const std::unique_ptr<Records> records = read_lines(std::move(lines), std::make_shared<const std::string>("texts"));
  DataSpec spec;
  spec.records = true;
  spec.inputs = {read};
  spec.inputs[0].columns = {{records->columns().front(), {}}};
  Diagnostics diagnostics;
  const RecordDataset data(spec, *records, training.data().vocabularies(), diagnostics);
  raise_errors(diagnostics);
  std::vector<DecodedText> result = decode(training, trainer, read, data, Split::kTrain);
  for (std::size_t k = 0; k < result.size() && result.size() == texts.size(); ++k) result[k].read = texts[k];
  return result;
}

std::vector<std::string> sample_texts(const Training& training, Trainer<float>& trainer, std::size_t count) {
  needs_decoding(training, trainer);
  if (const std::vector<std::string> inputs = trainer.decoder()->inputs(); !inputs.empty()) {
    Diagnostics diagnostics;
    diagnostics.error("E0810", training.spec().data.source,
                      "samples are of a model that reads nothing in decoding; this one reads '" + inputs.front() + "'",
                      "leave --samples out: what it makes of the examples of a split, or of --text, is printed");
    raise_errors(diagnostics);
  }
  const DataInput& target = target_of(training, trainer);
  const Vocabulary& words = words_of(training, target);
  std::vector<std::string> texts;
  for (const TokenIds& ids : trainer.decoder()->sample(count, words)) texts.push_back(as_text(ids, target, words));
  return texts;
}

}  // namespace tapeloop
