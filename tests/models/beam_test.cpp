// Beam search: against a search written out by hand, that asks the model for its logits after each prefix.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "models/facade/decode_text.h"
#include "models/facade/session.h"
#include "models/facade/train.h"
#include "models/facade/verify.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::HasSubstr;
using testing::model_of;

// Reads the truth or what it says itself one and two steps back; a state goes three steps back. The count of tokens ends a run, too.
const std::string kSpeaker = R"(
tapeloop: 1
options: {units: 3, tokens: 4, longest: 6, beam: 1, penalty: 0}
axes: {s: {}, t: {length: {decode: {until: done, max: longest, beam: beam, length_penalty: penalty}}}}
inputs: {source: {axes: [s], shape: [2]}, target: {type: int}}
parameters: {table: [tokens, 3], v: [units], past: [units]}
states: {h: past}
nodes:
  before: teacher(target_tm1, token_tm1)
  earlier: teacher(target_tm2, token_tm2)
  said: teacher(target, token)
  sum_said: sum_said_tm1 + said
  e: embedding(before, table) - 0.5 * embedding(earlier, table)
  context: attend(tanh(linear(source, units=units) + linear(h_tm1, units=units)) @ v, source, along=s)
  h: tanh(linear(e, h_tm1, context, units=units) - 0.4 * h_tm3)
  logits: linear(h, h_tm2, units=tokens) - 0.2 * sum_said_tm1
  token: argmax(logits, along=shape)
  done: where(token == 1, 1, sum_said_tm1 > 9, 1, 0)
  last_state: last(h, along=t)
outputs: [token, logits, h, last_state]
)";

struct Setting {
  std::int64_t beam;
  double penalty;
  std::size_t longest = 6;
};

struct Hypothesis {
  std::vector<int> said;
  double score = 0;
  bool ended = false;
  double rank(double penalty) const { return score / std::pow((5.0 + static_cast<double>(said.size())) / 6, penalty); }
};

SessionOptions in(Mode mode) {
  SessionOptions options;
  options.mode = mode;
  if (mode == Mode::kDecode) options.keep = {"t.score"};
  return options;
}

void fill(Session<double>& session, double phase) {
  Parameters<double>& all = session.parameters();
  for (std::size_t entry = 0; entry < all.entries().size(); ++entry) {
    double at = phase;
    for (const char letter : all.entries()[entry].spec.name) at = 1.1 * at + letter;
    for (double& value : all.values(entry)) value = 1.3 * std::sin(at += 1.37);
  }
}

class BeamSearch : public ::testing::Test {
 protected:
  static Model model(const std::string& yaml, Setting setting) {
    return model_of(yaml, {"options.beam=" + std::to_string(setting.beam), "options.penalty=" + std::to_string(setting.penalty),
                           "options.longest=" + std::to_string(setting.longest)});
  }
  static constexpr int kRows = 5;
  static constexpr int kTokens = 4;

  static Batch<double> sources(const std::vector<int>& rows) {
    Batch<double> batch;
    batch.rows = static_cast<std::int64_t>(rows.size());
    Array<double> source{{batch.rows, 4, 2}, {}};
    for (const int row : rows) {
      for (int k = 0; k < 8; ++k) source.data.push_back(std::cos(3.1 * row + k * k));
      batch.lengths["s"].push_back(1 + row % 4);
    }
    batch.inputs["source"] = source;
    return batch;
  }

  // log softmax of the logits after what was said.
  static std::vector<double> next(Session<double>& forced, int row, const std::vector<int>& said) {
    Batch<double> batch = sources({row});
    const auto length = static_cast<std::int64_t>(said.size()) + 1;
    Array<double> target{{1, length}, {said.begin(), said.end()}};
    target.data.push_back(0);
    batch.inputs["target"] = target;
    batch.lengths["t"] = {static_cast<std::int32_t>(length)};
    forced.forward(batch);
    const Array<double> logits = forced.value("logits");
    std::vector<double> result(logits.data.end() - kTokens, logits.data.end());
    double sum = 0;
    for (const double one : result) sum += std::exp(one);
    for (double& one : result) one -= std::log(sum);
    return result;
  }

  static bool ends(const std::vector<int>& said) {
    int before = 0;
    for (std::size_t k = 0; k + 1 < said.size(); ++k) before += said[k];
    return said.back() == 1 || before > 9;
  }

  static Hypothesis search(Session<double>& forced, int row, Setting setting) {
    std::vector<Hypothesis> all = {{}};
    for (std::size_t t = 0; t < setting.longest; ++t) {
      std::vector<Hypothesis> candidates;
      for (const Hypothesis& one : all) {
        if (one.ended) {
          candidates.push_back(one);
          continue;
        }
        const std::vector<double> likelihood = next(forced, row, one.said);
        for (int token = 0; token < kTokens; ++token) {
          Hypothesis longer = one;
          longer.said.push_back(token);
          longer.score += likelihood[static_cast<std::size_t>(token)];
          longer.ended = ends(longer.said);
          candidates.push_back(longer);
        }
      }
      const auto better = [&](const Hypothesis& a, const Hypothesis& b) { return a.rank(setting.penalty) > b.rank(setting.penalty); };
      std::stable_sort(candidates.begin(), candidates.end(), better);
      candidates.resize(std::min(candidates.size(), static_cast<std::size_t>(setting.beam)));
      all = candidates;
    }
    return all[0];
  }

  struct Found {
    Array<double> tokens, score, logits, last_state, states;
    std::vector<std::int32_t> lengths;
  };
  static Found found(const Model& model, double phase) {
    Session<double> session(model, in(Mode::kDecode));
    fill(session, phase);
    std::vector<int> rows;
    for (int row = 0; row < kRows; ++row) rows.push_back(row);
    session.forward(sources(rows));
    const Array<double> lengths = session.lengths("t");
    return {session.value("token"),      session.value("t.score"), session.value("logits"),
            session.value("last_state"), session.value("h"),       {lengths.data.begin(), lengths.data.end()}};
  }

  // Returns how long the best hypothesis is.
  static std::size_t expect_same(const Found& decoded, Session<double>& forced, std::size_t row, const Hypothesis& best) {
    const auto longest = static_cast<std::size_t>(decoded.tokens.dims[1]);
    const auto length = static_cast<std::size_t>(decoded.lengths[row]);
    EXPECT_GE(length, best.said.size());
    for (std::size_t t = 0; t < std::min(length, best.said.size()); ++t)
      EXPECT_EQ(decoded.tokens.data[row * longest + t], best.said[t]) << t;
    for (std::size_t t = best.said.size(); t < length; ++t) EXPECT_EQ(decoded.tokens.data[row * longest + t], best.said.back());
    EXPECT_NEAR(decoded.score.data[row * longest + length - 1], best.score, 1e-9);
    // What else is read along the path is what the model has when it is told to say this.
    Batch<double> batch = sources({static_cast<int>(row)});
    batch.inputs["target"] = Array<double>{{1, static_cast<std::int64_t>(best.said.size())}, {best.said.begin(), best.said.end()}};
    batch.lengths["t"] = {static_cast<std::int32_t>(best.said.size())};
    forced.forward(batch);
    const Array<double> states = forced.value("h");
    for (std::size_t k = 0; k < states.data.size(); ++k) EXPECT_NEAR(decoded.states.data[row * longest * 3 + k], states.data[k], 1e-12);
    return best.said.size();
  }
};

TEST_F(BeamSearch, IsTheSearchWrittenOutByHand) {
  std::set<std::size_t> lengths;
  int beaten = 0;
  for (const Setting setting : {Setting{2, 0}, Setting{3, 0.6}, Setting{5, 1}, Setting{7, 0}}) {
    const Model speaker = model(kSpeaker, setting);
    Session<double> forced(model(kSpeaker, {1, 0}), in(Mode::kEval));
    for (double phase = 0; phase < 6; ++phase) {
      fill(forced, phase);
      const Found decoded = found(speaker, phase);
      for (int row = 0; row < kRows; ++row) {
        SCOPED_TRACE("beam " + std::to_string(setting.beam) + " phase " + std::to_string(phase) + " row " + std::to_string(row));
        const Hypothesis best = search(forced, row, setting);
        lengths.insert(expect_same(decoded, forced, static_cast<std::size_t>(row), best));
        beaten += search(forced, row, {1, 0}).score < best.score - 1e-9 ? 1 : 0;
      }
    }
  }
  EXPECT_GT(lengths.size(), 3U);
  EXPECT_GT(beaten, 10);
}

// As many hypotheses as there are sequences: what is found is the likeliest of all.
TEST_F(BeamSearch, OfEveryHypothesisFindsTheLikeliest) {
  const Setting all = {64, 0, 3};
  Session<double> forced(model(kSpeaker, {1, 0}), in(Mode::kEval));
  fill(forced, 2);
  const Model wide = model(kSpeaker, all);
  const Found decoded = found(wide, 2);
  for (int row = 0; row < 2; ++row) expect_same(decoded, forced, static_cast<std::size_t>(row), search(forced, row, all));
}

bool verified(const Model& model) {
  VerifyOptions options;
  options.mode = Mode::kDecode;
  return verify_model(model, options).good();
}

TEST_F(BeamSearch, ThePlanIsTheReference) {
  EXPECT_TRUE(verified(model(kSpeaker, {4, 1})));
  const auto loaded = Model::load("seq2seq", {"options.units=3", "options.width=3", "options.symbols=5", "options.tokens=4",
                                              "options.longest=7", "options.end=1", "options.beam=3", "options.penalty=0.6"});
  EXPECT_TRUE(verified(loaded));
}

TEST_F(BeamSearch, OfOneHypothesisIsGreedy) {
  const Model greedy = model(kSpeaker, {1, 0});
  SessionOptions decoding;
  decoding.mode = Mode::kDecode;
  Session<double> session(greedy, decoding);
  fill(session, 1);
  session.forward(sources({0, 1, 2}));
  Session<double> forced(greedy, in(Mode::kEval));
  fill(forced, 1);
  const Array<double> tokens = session.value("token");
  for (int row = 0; row < 3; ++row) {
    const Hypothesis best = search(forced, row, {1, 0});
    for (std::size_t t = 0; t < best.said.size(); ++t) {
      EXPECT_EQ(tokens.data[static_cast<std::size_t>(row * tokens.dims[1]) + t], best.said[t]);
    }
  }
}

void expect_refused(const std::string& yaml, const std::string& what) {
  try {
    Session<double> session(model_of(yaml, {}), in(Mode::kDecode));
    ADD_FAILURE() << "not refused: " << what;
  } catch (const ModelError& error) {
    EXPECT_THAT(error.what(), HasSubstr("E0613"));
    EXPECT_THAT(error.what(), HasSubstr(what));
  }
}

std::string with(std::string yaml, const std::string& from, const std::string& to) {
  const auto at = yaml.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return yaml.replace(at, from.size(), to);
}

TEST_F(BeamSearch, RefusesWhatItCannotSearch) {
  const std::string wide = with(kSpeaker, "beam: 1", "beam: 3");
  expect_refused(with(wide, "token: argmax(logits, along=shape)", "token: sample(logits)"), "is drawn");
  expect_refused(with(wide, "token: argmax(logits, along=shape)", "token: floor(sum(logits, along=shape))"), "nothing that is said");
  const std::string two = with(wide, "sum_said_tm1 > 9, 1, 0)", "other_tm1 > 9, 1, 0)\n  other: argmax(logits - other_tm1, along=shape)");
  expect_refused(two, "'other'");
}

// A letter like any other ends a run, so nothing but the decision tells its repetitions behind the end from letters that were said.
TEST(BeamDecoding, WhatIsRepeatedBehindTheEndIsNotSaid) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("tapeloop_beam_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "b.txt") << "ab.\nba.\naab.\nabb.\nbab.\n";
  std::ofstream(folder / "b.yaml") << R"yaml(tapeloop: 1
axes: {s: {}, t: {length: {decode: {until: done, max: 8, beam: 3, length_penalty: 3}}}}
inputs: {source: {axes: [s], type: int}, target: {type: int}}
parameters: {table: [letters, 3]}
states: {h: "last(tanh(linear(embedding(source, table), units=4)), along=s)"}
nodes:
  h: gru(embedding(teacher(target_tm1, token_tm1), table), units=4)
  logits: linear(h, units=letters)
  token: argmax(logits, along=shape)
  done: token == 0
  nll: cross_entropy(logits, target)
outputs: [token, logits]
loss: nll
train:
  data:
    file: b.txt
    format: lines
    inputs:
      source: {column: line, along: {s: characters}, tokens: letters}
      target: {column: line, along: {t: characters}, tokens: letters}
  optimizer: {name: sgd, lr: 0.1}
  epochs: 30
  batch: 3
  decoding: {output: token, target: target, report: [sequence_error]}
)yaml";
  const Training training(Model::load((folder / "b.yaml").string()));
  std::size_t ended = 0;
  for (const std::uint64_t seed : {2U, 3U, 4U}) {
    Trainer<float> trainer = training.trainer(seed);
    trainer.fit(training.data());
    for (const DecodedText& text : decode_split(training, trainer, Split::kTrain)) {
      const std::size_t end = text.said.find(training.data().vocabularies().at("letters").tokens().front());
      if (end == std::string::npos) continue;
      EXPECT_EQ(end + 1, text.said.size()) << text.said;
      ended += text.said.size() < 8 ? 1 : 0;
    }
  }
  EXPECT_GT(ended, 0U);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tapeloop
