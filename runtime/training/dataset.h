// Examples for a model, split, scaled, and served as batches: what a training learns from, wherever it comes from.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/diagnostics.h"
#include "runtime/batch.h"
#include "runtime/training/data_spec.h"
#include "runtime/training/vocabulary.h"

namespace tapeloop {

// What a model must be able to take; for binding its free sizes and for checking it.
struct InputForm {
  std::string name;
  Source source;                    // in train.data.inputs
  std::vector<std::int64_t> shape;  // [] for a single number
  std::vector<std::string> axes;    // that it lies on, outermost first
};

// Examples of a split go by number, 0 .. examples(split) - 1.
class Dataset {
 public:
  virtual ~Dataset() = default;
  Dataset() = default;
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;
  Dataset(Dataset&&) = default;
  Dataset& operator=(Dataset&&) = default;

  const std::vector<InputForm>& forms() const { return forms_; }
  // The input's place in forms(). REQUIRES: it is there (std::invalid_argument).
  std::size_t input(const std::string& name) const;

  virtual std::size_t examples(Split split) const = 0;
  // Those that an epoch (from 1) goes through, in the data's own order: all of them, but where training draws sets anew.
  virtual std::vector<std::uint32_t> pass(Split split, std::int64_t epoch) const;
  // Positions of an example on an axis, all its runs together; 0 on an axis that is not there.
  virtual std::size_t length(Split split, std::uint32_t number, const std::string& axis) const = 0;
  // What tokens are numbered by; none, if there are no tokens.
  virtual const Vocabularies& vocabularies() const;

  // Of an input of tokens, else null.
  virtual const Vocabulary* vocabulary(std::size_t input) const;
  // Of an input of tokens: what counts as right for an example, each answer its tokens in the order of their positions on all axes,
  // without marks; a token that the vocabulary lacks is -1.
  virtual std::vector<TokenIds> answers(Split split, std::uint32_t number, std::size_t input) const;

  // Examples of the split by number; the batch's memory is used again.
  virtual void fill(Split split, std::span<const std::uint32_t> numbers, Batch<float>& batch) const = 0;
  virtual void fill(Split split, std::span<const std::uint32_t> numbers, Batch<double>& batch) const = 0;

  // What fill gives for one input, in the file's own units: [rows, longest of each axis, elements], and for each row and position
  // whether it is real and to be predicted.
  struct Targets {
    std::size_t positions = 1;  // of a row: the product of the longest
    std::size_t elements = 1;
    std::vector<double> values;
    std::vector<bool> counts;  // [rows, positions]
  };
  virtual Targets targets(Split split, std::span<const std::uint32_t> numbers, std::size_t input) const = 0;
  // A prediction of element e of that input, in the file's own units.
  virtual double original(std::size_t input, std::size_t element, double value) const = 0;

  // A number that fill gives for an input, and where it stands.
  struct Place {
    double value = 0;
    Source source;
  };
  // The first number of the input, in the data's own order, that `fits` refuses; none, if there is none. Reads the file once more to tell
  // where it stands, so it throws FileError.
  virtual std::optional<Place> find_misfit(std::size_t input, const std::function<bool(double)>& fits) const = 0;

 protected:
  void add_form(InputForm form) { forms_.push_back(std::move(form)); }

 private:
  std::vector<InputForm> forms_;
};

// The examples that the specification describes. Reports what is wrong with the files (E0750 ..) or with the description (E0811 ..),
// and throws FileError if a file cannot be read. Null after errors. Vocabularies that are `known` are taken instead of counted.
std::unique_ptr<Dataset> read_dataset(const DataSpec& spec, const Vocabularies& known, Diagnostics& diagnostics);

}  // namespace tapeloop
