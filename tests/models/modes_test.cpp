// One file, several modes: what is read, how long runs are, and that decoding is what step by step would give.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "models/facade/session.h"
#include "models/facade/verify.h"
#include "runtime/instruction_times.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::model_of;

constexpr std::int64_t kTokens = 4;

Model seq2seq(const std::vector<std::string>& more = {}) {
  std::vector<std::string> options = {"options.units=3",   "options.width=3", "options.symbols=5",  "options.tokens=4",
                                      "options.longest=7", "options.end=1",   "options.dropped=0.2"};
  options.insert(options.end(), more.begin(), more.end());
  return Model::load("seq2seq", options);
}

SessionOptions in(Mode mode, std::uint64_t seed = 3) {
  SessionOptions options;
  options.mode = mode;
  options.seed = seed;
  return options;
}

// By name, the same in every mode, and so large that tokens differ from position to position.
template <class T>
void fill(Session<T>& session, double phase = 0) {
  Parameters<T>& all = session.parameters();
  for (std::size_t entry = 0; entry < all.entries().size(); ++entry) {
    double at = phase;
    for (const char letter : all.entries()[entry].spec.name) at = 1.1 * at + letter;
    for (T& value : all.values(entry)) value = static_cast<T>(1.6 * std::sin(at += 1.37));
  }
}

template <class T>
Batch<T> sources(const std::vector<std::vector<int>>& words) {
  Batch<T> batch;
  batch.rows = static_cast<std::int64_t>(words.size());
  std::size_t longest = 0;
  for (const std::vector<int>& word : words) longest = std::max(longest, word.size());
  Array<T> source{{batch.rows, static_cast<std::int64_t>(longest)}, {}};
  for (const std::vector<int>& word : words) {
    for (std::size_t k = 0; k < longest; ++k) source.data.push_back(static_cast<T>(k < word.size() ? word[k] : 4));
    batch.lengths["s"].push_back(static_cast<std::int32_t>(word.size()));
  }
  batch.inputs["source"] = source;
  return batch;
}

const std::vector<std::vector<int>> kWords = {{0, 1, 2, 3, 0, 2}, {3, 1}, {2, 2, 2, 0}, {1}, {0, 3, 1, 0, 1}, {}};

std::vector<std::int32_t> whole_numbers(const Array<double>& array) { return {array.data.begin(), array.data.end()}; }

void expect_near(const Array<double>& found, const Array<double>& expected) {
  ASSERT_EQ(found.dims, expected.dims);
  for (std::size_t k = 0; k < found.data.size(); ++k) EXPECT_NEAR(found.data[k], expected.data[k], 1e-12) << k;
}

struct Decoded {
  Array<double> tokens, logits;
  std::vector<std::int32_t> lengths;
};

Decoded decode(const Model& model, double phase) {
  Session<double> session(model, in(Mode::kDecode));
  fill(session, phase);
  session.forward(sources<double>(kWords));
  return {session.value("token"), session.value("logits"), whole_numbers(session.lengths("t"))};
}

// The decoder's own tokens as the target of the same model.
Batch<double> with_target(const Decoded& decoded) {
  Batch<double> batch = sources<double>(kWords);
  batch.inputs["target"] = decoded.tokens;
  batch.lengths["t"] = decoded.lengths;
  return batch;
}

TEST(Modes, DecodingIsTeacherForcingOnItsOwnTokens) {
  const Model model = seq2seq();
  std::set<std::int32_t> seen;
  for (double phase = 0; phase < 12; ++phase) {
    const Decoded decoded = decode(model, phase);
    seen.insert(decoded.lengths.begin(), decoded.lengths.end());
    Session<double> forced(model, in(Mode::kEval));
    fill(forced, phase);
    forced.forward(with_target(decoded));
    expect_near(forced.value("logits"), decoded.logits);
    expect_near(forced.value("token"), decoded.tokens);
  }
  EXPECT_GT(seen.size(), 2U);
}

TEST(Modes, ARunEndsWithTheFirstEndTokenOrAtMax) {
  const Decoded decoded = decode(seq2seq(), 1);
  const auto longest = decoded.tokens.dims[1];
  EXPECT_EQ(longest, *std::max_element(decoded.lengths.begin(), decoded.lengths.end()));
  for (std::size_t row = 0; row < decoded.lengths.size(); ++row) {
    for (std::int32_t t = 0; t < decoded.lengths[row]; ++t) {
      const bool is_end = decoded.tokens.data[row * static_cast<std::size_t>(longest) + static_cast<std::size_t>(t)] == 1;
      EXPECT_EQ(is_end, t + 1 == decoded.lengths[row] && decoded.lengths[row] < 7) << row << " at " << t;
    }
  }
}

TEST(Modes, EachExampleIsDecodedAsIfItWereAlone) {
  const Model model = seq2seq();
  Session<float> session(model, in(Mode::kDecode));
  fill(session);
  session.forward(sources<float>(kWords));
  const Array<float> logits = session.value("logits");
  const Array<float> lengths = session.lengths("t");
  for (std::size_t row = 0; row < kWords.size(); ++row) {
    session.forward(sources<float>({kWords[row]}));
    const Array<float> alone = session.value("logits");
    EXPECT_EQ(session.lengths("t").data[0], lengths.data[row]);
    ASSERT_EQ(alone.dims[1], static_cast<std::int64_t>(lengths.data[row]));
    for (std::size_t k = 0; k < alone.data.size(); ++k) {
      EXPECT_EQ(alone.data[k], logits.data[row * static_cast<std::size_t>(logits.dims[1] * kTokens) + k]) << row;
    }
  }
}

TEST(Modes, AnInputThatTheModeDoesNotReadNeedNotBeFed) {
  Session<double> training(seq2seq(), in(Mode::kTrain));
  EXPECT_THROW(training.forward(sources<double>(kWords)), ModelError);
  Session<double> decoding(seq2seq(), in(Mode::kDecode));
  EXPECT_NO_THROW(decoding.forward(sources<double>(kWords)));
  EXPECT_TRUE(training.has_loss());
  EXPECT_FALSE(decoding.has_loss());
}

TEST(Modes, ScheduledSamplingReadsTheTruthOrTheOwnToken) {
  const std::string yaml =
      "tapeloop: 1\noptions: {rate: 0.5}\ninputs: {x: {}, truth: {}}\nnodes:\n"
      "  read: teacher(truth_tm1, own_tm1, rate=rate, per=PER)\n  own: x + 0 * read\noutputs: [read]\n";
  const auto read = [&](const std::string& per, double rate, Mode mode) {
    std::string text = yaml;
    text.replace(text.find("PER"), 3, per);
    Session<double> session(model_of(text, {"options.rate=" + std::to_string(rate)}), in(mode));
    Batch<double> batch;
    batch.rows = 40;
    batch.inputs["x"] = {{40, 8}, std::vector<double>(320, 1)};
    batch.inputs["truth"] = {{40, 8}, std::vector<double>(320, 2)};
    session.forward(batch);
    std::map<double, int> count;
    const Array<double> found = session.value("read");
    for (std::size_t row = 0; row < 40; ++row) {
      for (std::size_t t = 1; t < 8; ++t) ++count[found.data[8 * row + t]];
      EXPECT_TRUE(per == "step" || found.data[8 * row + 1] == found.data[8 * row + 7]);
    }
    return count;
  };
  EXPECT_THAT(read("step", 0, Mode::kTrain), ElementsAre(std::pair(2.0, 280)));
  EXPECT_THAT(read("step", 1, Mode::kTrain), ElementsAre(std::pair(1.0, 280)));
  EXPECT_THAT(read("step", 1, Mode::kEval), ElementsAre(std::pair(2.0, 280)));
  EXPECT_THAT(read("step", 0, Mode::kDecode), ElementsAre(std::pair(1.0, 280)));
  EXPECT_NEAR(read("step", 0.25, Mode::kTrain)[1.0], 70, 25);
  EXPECT_NEAR(read("sequence", 0.25, Mode::kTrain)[1.0], 70, 60);
}

TEST(Modes, ADecoderThatAlwaysReadsItselfIsFreeRunning) {
  const Model model = seq2seq({"options.dropped=0", "options.rate=1"});
  const Decoded decoded = decode(model, 2);
  Session<double> training(model, in(Mode::kTrain));
  fill(training, 2);
  Batch<double> batch = with_target(decoded);
  for (double& token : batch.inputs["target"].data) token = 3;
  training.forward(batch);
  for (std::size_t row = 0; row < kWords.size(); ++row) EXPECT_EQ(training.lengths("t").data[row], decoded.lengths[row]);
  expect_near(training.value("logits"), decoded.logits);
}

// Without gradients the values tried are the values: nothing is worked out twice.
TEST(Modes, DecodingWithoutGradientsIsOneScan) {
  const Model model = seq2seq();
  SessionOptions options = in(Mode::kDecode);
  options.gradients = false;
  Session<double> session(model, options);
  fill(session, 1);
  session.forward(sources<double>(kWords));
  const Decoded decoded = decode(model, 1);
  expect_near(session.value("logits"), decoded.logits);
  expect_near(session.value("token"), decoded.tokens);
  std::multiset<std::string> scans;
  for (const Segment& segment : session.plan().forward) {
    if (segment.kind == Segment::Kind::kScan) scans.insert(session.plan().axes[static_cast<std::size_t>(segment.axis)].name);
  }
  EXPECT_THAT(scans, ElementsAre("s", "s", "t~"));
}

// As many steps as the longest run has, not as many as it might have.
TEST(Modes, DecodingStopsWhenNoExampleGoesOn) {
  Session<double> session(seq2seq({"options.longest=1000"}), in(Mode::kDecode));
  InstructionTimes times(session.plan());
  session.run().set_times(&times);
  double longest = 1000;
  for (double phase = 0; longest > 100 && phase < 100; ++phase) {
    fill(session, phase);
    times.clear();
    session.forward(sources<double>(kWords));
    const Array<double> lengths = session.lengths("t");
    longest = *std::max_element(lengths.data.begin(), lengths.data.end());
  }
  ASSERT_LE(longest, 100);
  std::int64_t most = 0;
  for (std::size_t k = 0; k < session.plan().instructions.size(); ++k) {
    most = std::max(most, times.of(static_cast<InstructionId>(k)).calls);
  }
  EXPECT_EQ(most, std::max<std::int64_t>(static_cast<std::int64_t>(longest), 6));
}

TEST(Modes, SamplesAreDrawnByTheirLogits) {
  const auto share = [](const std::string& temperature, double wanted) {
    Session<double> session(
        model_of("tapeloop: 1\ninputs: {x: {shape: [3]}}\nnodes: {y: 'sample(x, temperature=" + temperature + ")'}\noutputs: [y]\n"));
    Batch<double> batch;
    batch.rows = 50;
    Array<double> x{{50, 60, 3}, {}};
    for (int k = 0; k < 3000; ++k) x.data.insert(x.data.end(), {std::log(1.0), std::log(2.0), std::log(5.0)});
    batch.inputs["x"] = x;
    session.forward(batch);
    const Array<double> y = session.value("y");
    return static_cast<double>(std::count(y.data.begin(), y.data.end(), wanted)) / 3000;
  };
  EXPECT_NEAR(share("1", 0), 1.0 / 8, 0.03);
  EXPECT_NEAR(share("1", 2), 5.0 / 8, 0.03);
  EXPECT_NEAR(share("0.5", 2), 25.0 / 30, 0.03);
}

TEST(Modes, EveryModeOfASystemIsProven) {
  for (const Mode mode : {Mode::kTrain, Mode::kEval, Mode::kDecode}) {
    VerifyOptions options;
    options.mode = mode;
    for (const VerifyCheck& check : verify_model(seq2seq({"options.rate=0.5"}), options).checks) {
      EXPECT_TRUE(check.good()) << static_cast<int>(mode) << " " << check.what << " " << check.worst << " " << check.difference;
    }
  }
}

TEST(Modes, ABidirectionalDecoderIsRefusedWithItsReads) {
  const Model model = model_of(
      "tapeloop: 1\naxes: {t: {length: {decode: {until: done, max: 9}}}}\ninputs: {c: {axes: [], shape: [3]}, y: {type: int}}\n"
      "parameters: {E: [4, 3]}\nnodes:\n"
      "  e: embedding(teacher(y_tm1, token_tm1), E) + c\n"
      "  d: bidirectional(e, units=3)\n"
      "  token: argmax(linear(d, units=4), along=shape)\n"
      "  done: token == 2\n"
      "outputs: [token]\n");
  EXPECT_NO_THROW(model.compile());
  CompileOptions options;
  options.mode = Mode::kDecode;
  try {
    model.compile(options);
    FAIL();
  } catch (const ModelError& error) {
    EXPECT_EQ(error.list()[0].code, "E0612");
    EXPECT_THAT(error.what(), HasSubstr("'done' decides at each position of t whether it is the last, and reads 'd."));
    EXPECT_THAT(error.what(), HasSubstr("done (line 9) <- token (line 8) <- "));
  }
}

// Trials of a run that stops early have more positions than the run: its end is not among them.
TEST(Modes, TheEndOfARunThatStopsEarlyIsItsOwn) {
  const Model model = model_of(
      "tapeloop: 1\naxes: {t: {}, u: {within: t}, v: {within: u, until: done, max: 2}}\ninputs: {x: {axes: [t, u]}}\nstates: {c: 0.7}\n"
      "nodes:\n  b: x + 0.1 * index(v) + 0.2 * e_tm1\n  c: b + 0.5 * c_tm1\n  e: last(c, along=v)\n  done: b > 0.3\noutputs: [e]\n");
  for (const bool gradients : {false, true}) {
    SessionOptions options;
    options.gradients = gradients;
    Session<double> session(model, options);
    Batch<double> batch;
    batch.rows = 1;
    batch.inputs["x"] = {{1, 3, 1}, {0.93, 0.84, 0.94}};
    batch.lengths = {{"t", {3}}, {"u", {1, 0, 1}}};
    session.forward(batch);
    const Array<double> e = session.value("e");
    ASSERT_EQ(e.data.size(), 3U);
    EXPECT_NEAR(e.data[0], 0.93 + 0.5 * 0.7, 1e-12);
    EXPECT_NEAR(e.data[2], 0.94, 1e-12);
  }
}

TEST(States, EachSideOfAnAxisHasItsOwnStart) {
  const Model model = model_of(
      "tapeloop: 1\ninputs: {x: {}}\nstates: {x: {before: 5, after: 7}}\nnodes:\n  y: x_tm1 + 10 * x_tp1\n"
      "  z: last(x, along=t)\n  w: first(x, along=t)\noutputs: [y, z, w]\n");
  Session<double> session(model);
  Batch<double> batch;
  batch.rows = 2;
  batch.inputs["x"] = {{2, 3}, {1, 2, 3, 0, 0, 0}};
  batch.lengths["t"] = {3, 0};
  session.forward(batch);
  EXPECT_THAT(session.value("y").data, ElementsAre(25, 31, 72, 0, 0, 0));
  EXPECT_THAT(session.value("z").data, ElementsAre(3, 5));  // of an empty run: the start at that end
  EXPECT_THAT(session.value("w").data, ElementsAre(1, 7));
}

}  // namespace
}  // namespace tapeloop
