// Streams that join, leave and change places between calls: what each would be in one run over all its positions.
#include "models/facade/streams.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "models/facade/model.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::HasSubstr;
using testing::model_of;

constexpr std::int64_t kFeatures = 3;

SessionOptions options_of(Mode mode) {
  SessionOptions options;
  options.shapes = {{"x", {kFeatures}}};
  options.mode = mode;
  options.seed = 3;
  return options;
}

// As many streams as lengths, [rows, longest, features]; every input is fed, those on no axis too.
template <class T>
Batch<T> whole_batch(const Plan& plan, const std::vector<std::int32_t>& lengths) {
  Batch<T> batch;
  batch.rows = static_cast<std::int64_t>(lengths.size());
  batch.lengths["t"] = lengths;
  const std::int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  for (const NodeId id : plan.inputs) {
    const PlanValue& value = plan.value(id);
    Array<T>& array = batch.inputs[value.name];
    array.dims = {batch.rows};
    if (!value.space.axes().empty()) array.dims.push_back(longest);
    for (const std::int64_t size : numbers(value.shape)) array.dims.push_back(size);
    const std::int64_t count = std::accumulate(array.dims.begin(), array.dims.end(), std::int64_t{1}, std::multiplies<>());
    for (std::int64_t k = 0; k < count; ++k) array.data.push_back(static_cast<T>(std::sin(0.7 * static_cast<double>(k) + 0.3)));
  }
  return batch;
}

// Rows `ids` of the batch, each with `counts` positions from where it is.
template <class T>
Batch<T> part_of(const Batch<T>& whole, const Plan& plan, const std::vector<std::int64_t>& ids, const std::vector<std::int32_t>& first,
                 const std::vector<std::int32_t>& counts) {
  Batch<T> part;
  part.rows = static_cast<std::int64_t>(ids.size());
  part.lengths["t"] = counts;
  const std::int64_t longest = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  for (const NodeId id : plan.inputs) {
    const PlanValue& value = plan.value(id);
    const Array<T>& from = whole.inputs.at(value.name);
    const bool on_t = !value.space.axes().empty();
    Array<T>& to = part.inputs[value.name];
    to.dims = from.dims;
    to.dims[0] = part.rows;
    if (on_t) to.dims[1] = longest;
    const std::int64_t elements =
        std::accumulate(from.dims.begin() + (on_t ? 2 : 1), from.dims.end(), std::int64_t{1}, std::multiplies<>());
    for (std::size_t row = 0; row < ids.size(); ++row) {
      for (std::int64_t t = 0; t < (on_t ? longest : 1); ++t) {
        for (std::int64_t e = 0; e < elements; ++e) {
          const std::int64_t place =
              on_t ? (ids[row] * from.dims[1] + first[static_cast<std::size_t>(ids[row])] + t) * elements + e : ids[row] * elements + e;
          const bool real = !on_t || t < counts[row];
          to.data.push_back(real ? from.data[static_cast<std::size_t>(place)] : std::nan(""));  // what is not real is not read
        }
      }
    }
  }
  return part;
}

// Calls with some of the streams in some order, some positions of each, also none, until all have had theirs.
template <class T>
void expect_chunks_equal_whole(const Model& model, const SessionOptions& options = options_of(Mode::kEval)) {
  const std::vector<std::int32_t> lengths = {23, 40, 1, 17, 31};
  Session<T> session(model, options);
  const Batch<T> whole = whole_batch<T>(session.plan(), lengths);
  session.forward(whole);
  Streams<T> streams(model, options);
  std::mt19937_64 random(5);
  std::vector<std::int32_t> first(lengths.size(), 0);
  for (int calls = 0; calls < 200 && first != lengths; ++calls) {
    std::vector<std::int64_t> ids(lengths.size());
    std::iota(ids.begin(), ids.end(), 0);
    std::shuffle(ids.begin(), ids.end(), random);
    ids.resize(random() % (lengths.size() + 1));
    std::vector<std::int32_t> counts;
    for (const std::int64_t id : ids) {
      const auto row = static_cast<std::size_t>(id);
      counts.push_back(std::min<std::int32_t>(static_cast<std::int32_t>(random() % 9), lengths[row] - first[row]));
    }
    const auto found = streams.run(ids, part_of(whole, session.plan(), ids, first, counts));
    for (const auto& [name, array] : found) {
      const Array<T> expected = session.value(name);
      const std::int64_t longest = array.dims[1];
      const std::int64_t elements = std::accumulate(array.dims.begin() + 2, array.dims.end(), std::int64_t{1}, std::multiplies<>());
      for (std::size_t row = 0; row < ids.size(); ++row) {
        for (std::int64_t k = 0; k < counts[row] * elements; ++k) {
          const std::int64_t begin = ids[row] * expected.dims[1] + first[static_cast<std::size_t>(ids[row])];
          const T wanted = expected.data[static_cast<std::size_t>(begin * elements + k)];
          const T value = array.data[static_cast<std::size_t>(static_cast<std::int64_t>(row) * longest * elements + k)];
          ASSERT_EQ(value, wanted) << name << " of stream " << ids[row] << ", call " << calls << ", element " << k;
        }
      }
    }
    for (std::size_t row = 0; row < ids.size(); ++row) first[static_cast<std::size_t>(ids[row])] += counts[row];
    for (std::size_t id = 0; id < lengths.size(); ++id) ASSERT_EQ(streams.position(static_cast<std::int64_t>(id)), first[id]);
  }
  EXPECT_EQ(first, lengths);
}

TEST(Streams, OfEveryCausalCellEqualTheWholeToTheBit) {
  for (const char* cell : {"simple_rnn", "gru", "gru_reset_after", "lstm", "gf_rnn", "gf_gru", "gf_lstm"}) {
    SCOPED_TRACE(cell);
    expect_chunks_equal_whole<float>(Model::load(cell, {"options.units=6"}));
  }
  expect_chunks_equal_whole<double>(Model::load("gru", {"options.units=6"}));
}

TEST(Streams, CarryLongTapsOfInputsAndStates) {
  expect_chunks_equal_whole<float>(Model::load("narx", {"options.units=4", "options.taps=4"}));
  expect_chunks_equal_whole<float>(
      model_of("tapeloop: 1\ninputs: {x: {shape: [3]}}\nnodes:\n  y: x_tm12 - x_tm1 + 0.25 * y_tm7\n  z: y + x\noutputs: [y, z]\n"));
}

TEST(Streams, StartEachAtItsOwnTime) {
  expect_chunks_equal_whole<float>(
      model_of("tapeloop: 1\n"
               "inputs: {x: {shape: [3]}, c: {axes: [], shape: [3]}}\n"
               "parameters: {h0: {shape: [3], init: {constant: 0.7}}, g0: {shape: [2, 3], init: {normal: 1}}}\n"
               "states: {h: h0, g: g0, k: 2, m: tanh(c)}\n"
               "nodes:\n"
               "  h: 0.5 * h_tm1 + x\n"
               "  g: 0.5 * g_tm2 + h\n"
               "  k: 0.5 * k_tm1 + sum(x, along=shape) + index(t)\n"
               "  m: 0.5 * m_tm1 + 0.25 * m_tm3 + c * x\n"
               "outputs: [h, g, k, m]\n"));
}

TEST(Streams, OfTheSystemEqualTheWhole) {
  SessionOptions options;
  options.seed = 2;
  expect_chunks_equal_whole<float>(Model::load("streaming"), options);
}

TEST(Streams, DrawWhatTheWholeDraws) {
  expect_chunks_equal_whole<float>(
      model_of("tapeloop: 1\ninputs: {x: {shape: [3]}}\nnodes:\n  h: tanh(linear(dropout(x, rate=0.4), h_tm1, units=4))\noutputs: [h]\n"),
      options_of(Mode::kTrain));
}

TEST(Streams, ThatAreClosedBeginAnew) {
  Streams<float> streams(Model::load("gru", {"options.units=4"}), options_of(Mode::kEval));
  Batch<float> batch;
  batch.rows = 1;
  batch.inputs["x"] = {{1, 2, 3}, {1, 2, 3, 4, 5, 6}};
  const Array<float> once = streams.run({8}, batch).at("h");
  EXPECT_NE(streams.run({8}, batch).at("h").data, once.data);
  EXPECT_EQ(streams.position(8), 4);
  streams.close(8);
  EXPECT_EQ(streams.open(), 0);
  EXPECT_EQ(streams.run({8}, batch).at("h").data, once.data);
}

TEST(Streams, ABatchThatDoesNotFitMovesNone) {
  Streams<float> streams(Model::load("gru", {"options.units=4"}), options_of(Mode::kEval));
  Batch<float> batch;
  batch.rows = 2;
  batch.inputs["x"] = {{2, 1, 3}, {1, 2, 3, 4, 5, 6}};
  const auto problem = [&](const std::vector<std::int64_t>& ids) -> std::string {
    try {
      streams.run(ids, batch);
    } catch (const ModelError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(problem({1}), HasSubstr("E0733: expected a stream for each of 2 rows, found 1"));
  EXPECT_THAT(problem({1, 1}), HasSubstr("E0733: stream 1 is there twice"));
  batch.inputs["x"].data.pop_back();
  EXPECT_NE(problem({1, 2}), "");
  EXPECT_EQ(streams.open(), 0);
}

TEST(Streams, OfAModelThatIsNotCausalAreRefusedWithTheRead) {
  const auto problem = [](const std::string& equation) -> std::string {
    try {
      Streams<float>(model_of("tapeloop: 1\ninputs: {x: {shape: [3]}}\nnodes:\n  y: " + equation + "\noutputs: [y]\n"),
                     options_of(Mode::kEval));
    } catch (const ModelError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(problem("x + x_tp1"), HasSubstr("E0609"));
  EXPECT_THAT(problem("x + x_tp1"), HasSubstr("reads the future"));
  EXPECT_THAT(problem("x - mean(x, along=t)"), HasSubstr("reads all of t"));
  EXPECT_THAT(problem("x / length(t)"), HasSubstr("is known only at the end"));
}

}  // namespace
}  // namespace tapeloop
