// Training's other question: what does the model say if nobody tells it the truth, and how often is all of it right.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/plan.h"
#include "runtime/batch.h"
#include "runtime/run.h"
#include "runtime/training/dataset.h"
#include "runtime/training/metrics.h"
#include "runtime/training/train_spec.h"

namespace tapeloop {

const char* decoding_metric_name(DecodingMetric metric);

// An output of a plan that searches: true from the end of what it says on, where the tokens are only repeated.
inline constexpr const char* kSearchEnd = "(end of the search)";

template <class T>
class Decoder {
 public:
  // plan: compiled in mode decode; it may have kSearchEnd. REQUIRES: it has spec.output.
  Decoder(std::shared_ptr<const Plan> plan, DecodingSpec spec, std::vector<ScheduledInput> scheduled, const RunOptions& options);

  Run<T>& run() { return run_; }  // for binding its parameters

  const DecodingSpec& spec() const { return spec_; }
  // The inputs of the data that decoding reads, by name.
  std::vector<std::string> inputs() const;

  // What the model says for each of these examples: its tokens in the order of their positions on all axes, without the vocabulary's
  // marks. The data need not have the truth.
  std::vector<TokenIds> decode(const Dataset& data, Split split, std::span<const std::uint32_t> numbers, const Vocabulary& tokens);
  // What a model says that reads nothing of an example: that many times, with draws of their own. REQUIRES: inputs() is empty.
  std::vector<TokenIds> sample(std::size_t count, const Vocabulary& tokens);
  // What spec.report asks for.
  NamedNumbers evaluate(const Dataset& data, Split split);

 private:
  void feed_what_is_read();
  std::vector<TokenIds> said(const Vocabulary& tokens);

  DecodingSpec spec_;
  std::vector<ScheduledInput> scheduled_;
  Run<T> run_;
  Batch<T> batch_;
};

extern template class Decoder<float>;
extern template class Decoder<double>;

}  // namespace tapeloop
