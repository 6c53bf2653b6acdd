// The systems that learn from sets of data, on crops of them: that they train, and what each promises. Figures on the whole sets stand in
// models/README.md.
#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "models/facade/built_in_models.h"
#include "models/facade/decode_text.h"
#include "models/facade/train.h"
#include "models/facade/verify.h"
#include "runtime/run.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Training of a built-in system on the crops.
Training on_crop(const std::string& name, std::vector<std::string> key_values) {
  ::setenv("TAPELOOP_DATA", testing::source_path("models/data/crops").c_str(), 1);
  key_values.insert(key_values.end(), {"train.seeds=[1]", "train.threads=1"});
  return Training(Model::load(name, key_values));
}

// The loss of the epochs, after the last of which it must be clearly lower than after the first.
Outcome expect_learns(const std::string& name, std::vector<std::string> key_values) {
  const Training training = on_crop(name, std::move(key_values));
  std::vector<double> losses;
  TrainingOptions options;
  options.save = false;
  options.on_epoch = [&](std::uint64_t, const HistoryRow& row) {
    losses.push_back(row.train_loss);
    return true;
  };
  const TrainingReport report = training.run(options);
  EXPECT_LT(losses.back(), 0.9 * losses.front()) << name;
  return report.outcomes.at(0);
}

double number(const NamedNumbers& numbers, const std::string& name) {
  for (const auto& [known, value] : numbers) {
    if (known == name) return value;
  }
  return std::nan("");
}

TEST(Systems, AreAboutFortyLinesAtMost) {
  for (const BuiltInModel& model : built_in_models()) {
    if (model.folder != "systems") continue;
    std::istringstream text{std::string(model.yaml)};
    int lines = 0;  // but for comments
    for (std::string line; std::getline(text, line);) lines += !line.starts_with("#");
    EXPECT_LE(lines, 45) << model.name;
  }
}

TEST(Systems, ClassifierLearnsWithAnyCell) {
  for (const std::string cell : {"simple_rnn", "gru", "lstm"}) {
    const Outcome outcome = expect_learns("classifier", {"options.cell=" + cell, "options.units=16", "train.epochs=12", "train.batch=8"});
    EXPECT_GT(number(outcome.test, "accuracy"), 0.6) << cell;
  }
}

// Gated feedback and plain stacks of three kinds of units.
class Stacks : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Systems, Stacks, ::testing::Values("gf_rnn", "gf_gru", "gf_lstm", "stack_rnn", "stack_gru", "stack_lstm"));

TEST_P(Stacks, LearnNamesAndPrograms) {
  const std::vector<std::string> small{std::string("options.cell=") + GetParam(), "options.units=12", "options.layers=2", "train.epochs=6"};
  std::vector<std::string> names = small, programs = small;
  names.emplace_back("train.batch=8");
  programs.insert(programs.end(), {"train.batch.examples=8", "train.schedule={rule: constant}", "train.optimizer.lr=0.01"});
  expect_learns("gated_feedback", names);
  const Outcome outcome = expect_learns("program_evaluation", programs);
  const double share = number(outcome.test, "share example_sum"), exact = number(outcome.test, "exact example_sum");
  EXPECT_GT(share, 0.2);
  EXPECT_LT(share, 1);
  EXPECT_LE(exact, share);
}

TEST(Systems, DocumentsAreSequencesOrSetsOfLines) {
  for (const char* name : {"spam", "spam_lines"}) {
    const Outcome outcome =
        expect_learns(name, {"options.units=16", "train.epochs=20", "train.batch.examples=8", "train.data.tokens.words.least=2"});
    EXPECT_GT(number(outcome.test, "accuracy"), 0.5) << name;
  }
}

TEST(Systems, LanguageModelsLearnAndSayNatsOfAName) {
  const Outcome outcome = expect_learns("language_model", {"options.units=24", "train.epochs=12", "train.batch=8"});
  const double nats = number(outcome.test, "example_sum"), loss = number(outcome.test, "loss");
  EXPECT_GT(nats, loss * 3);  // nats of a letter, and of a name of some letters
  EXPECT_LT(nats, loss * 12);
}

class Sets : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Systems, Sets, ::testing::Values("set_of_sequences", "set_of_sequences_lstm"));

TEST_P(Sets, AreReportedBySize) {
  const Outcome outcome = expect_learns(GetParam(), {"options.units=16", "train.epochs=10", "train.batch=8",
                                                     "train.data.sets.train.shuffles=2", "train.data.sets.test.shuffles=2"});
  EXPECT_GT(number(outcome.test, "accuracy m=2"), 0.5);
  EXPECT_TRUE(std::isnan(number(outcome.test, "accuracy m=4")));
  EXPECT_FALSE(std::isnan(number(outcome.test, "accuracy m=5")));
}

TEST(Systems, ASetOfNamesHasAShareOfMaleOnes) {
  const Outcome outcome = expect_learns("set_share", {"options.units=16", "train.epochs=15", "train.batch=8",
                                                      "train.data.sets.train.shuffles=5", "train.data.sets.test.shuffles=5"});
  EXPECT_LT(number(outcome.test, "example_sum m=2"), 0.125) << "who always says a half is that wrong";
  EXPECT_LT(number(outcome.test, "example_sum m=5"), number(outcome.test, "example_sum m=2"));
}

// The regression form, LSTM members: y is the mean over the members of their last number.
constexpr const char* kRegression = R"(tapeloop: 1
axes: {m: {}, t: {within: m}}
inputs: {x: {axes: [m, t]}, y: {axes: [], shape: [1]}}
nodes:
  h: lstm(reshape(x, shape=[1]), units=8)
  member: linear(concat(last(h, along=t), last(h.c, along=t)), units=4)
  p: linear(mean(member, along=m), units=1)
  error: mse(p, y)
outputs: [p]
loss: error
train:
  data:
    file: sets.jsonl
    inputs: {x: {column: x, along: {m: items, t: items}}, y: {columns: [y]}}
    split: {column: row, train: [0, 199], test: [200, 299]}
  batch: 10
  epochs: 60
  optimizer: {name: adam, lr: 0.02}
  metrics: {output: p, target: y, report: [rmse], by: m}
)";

class Denoisers : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Systems, Denoisers, ::testing::Values("denoising_autoencoder", "stacked_denoiser"));

TEST_P(Denoisers, LearnWhatAnElectrocardiogramLooksLike) {
  const Outcome outcome = expect_learns(GetParam(), {"options.units=8", "train.epochs=30", "train.batch=2"});
  EXPECT_LT(number(outcome.test, "loss"), 0.2135) << "nothing said at all";
}

class Images : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Systems, Images, ::testing::Values("image_rows", "cnn_lstm"));

TEST_P(Images, AreToldApart) {
  const std::string split = "{train: {file: train, row: [0, 119]}, validation: {file: train, row: [120, 159]}, test: {file: test}}";
  const Outcome outcome = expect_learns(
      GetParam(), {"options.units=16", "train.epochs=10", "train.batch=8", "train.optimizer.lr=0.01", "train.data.split=" + split});
  EXPECT_GT(number(outcome.test, "accuracy"), 0.2) << "of ten kinds";
}

TEST(Systems, ASetMayGiveANumber) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("tapeloop_sets_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "model.yaml") << kRegression;
  std::ofstream file(folder / "sets.jsonl");
  for (int set = 0; set < 300; ++set) {
    std::string members;
    double sum = 0;
    const int size = 1 + set % 4;
    for (int member = 0; member < size; ++member) {
      std::string numbers;
      double last = 0;
      for (int step = 0; step <= (set + member) % 3; ++step) {
        last = std::sin(7.1 * set + 2.3 * member + 1.7 * step);
        numbers += (numbers.empty() ? "" : ", ") + std::to_string(last);
      }
      sum += last;
      members += (members.empty() ? "[" : ", [") + numbers + "]";
    }
    file << "{\"x\": [" << members << "], \"y\": " << sum / size << "}\n";
  }
  file.close();
  TrainingOptions options;
  options.save = false;
  const Training training(Model::load((folder / "model.yaml").string(), {"train.threads=1"}));
  const Outcome outcome = training.run(options).outcomes.at(0);
  EXPECT_LT(number(outcome.test, "rmse"), 0.1);
  EXPECT_LT(number(outcome.test, "rmse m=4"), 0.1);
  std::filesystem::remove_all(folder);
}

TEST(Systems, ModelsAreConditionedInThreeWays) {
  for (const std::string way : {"start", "before", "after"}) {
    std::vector<std::string> values{"options.start=0", "options.before=0", "options.after=0", "options.units=16", "train.epochs=8"};
    values.push_back("options." + way + "=1");
    expect_learns("conditioned_weather", values);
    values.emplace_back("train.batch=8");
    expect_learns("conditioned", values);
  }
}

// Spelling to sound on the crop, where a model this small learns what is frequent, and its answers by heart.
TEST(Systems, DecodersLearnAndAreHeldAgainstWholeSequences) {
  for (const std::string name : {"seq2seq", "seq2seq_attention", "cascade", "cascade_norm"}) {
    const Outcome outcome = expect_learns(name, {"options.units=12", "options.width=8", "train.epochs=3", "train.batch.examples=8",
                                                 "train.optimizer.lr=0.01", "train.schedule.over=200", "train.schedule.warmup=5"});
    const double error = number(outcome.test, "sequence_error");
    EXPECT_GT(error, 0.5) << name;
    EXPECT_LE(error, 1) << name;
  }
}

TEST(Systems, DecodersAreProvenInTrainingAndDecoding) {
  for (const std::string name : {"seq2seq_attention", "cascade", "cascade_norm"}) {
    const Model model =
        Model::load(name, {"options.units=3", "options.width=3", "options.symbols=5", "options.tokens=6", "options.longest=3"});
    for (const Mode mode : {Mode::kTrain, Mode::kDecode}) {
      VerifyOptions options;
      options.mode = mode;
      for (const VerifyCheck& check : verify_model(model, options).checks) {
        EXPECT_TRUE(check.good()) << name << " " << check.what << " " << check.worst << " " << check.difference;
      }
    }
  }
}

// The encoder has vectors of letters that were made elsewhere, or two layers.
TEST(Systems, Seq2seqStartsFromVectorsOfItsTokens) {
  const std::vector<std::string> small{"options.units=12",
                                       "options.width=4",
                                       "train.epochs=3",
                                       "train.batch.examples=8",
                                       "train.optimizer.lr=0.01",
                                       "train.average=0",
                                       "train.schedule={rule: constant}",
                                       "train.start={from: vectors/letters.txt, vectors: {letters: letters}, missing: init}"};
  for (const bool frozen : {false, true}) {
    std::vector<std::string> values = small;
    if (frozen) values.emplace_back("train.rates.letters=0");
    const Training training = on_crop("seq2seq", values);
    Trainer<float> trainer = training.trainer(1);
    const Array<float> before = trainer.parameters().get("letters");
    const auto row_of = [&](const Array<float>& table, const std::string& letter) {
      const auto first =
          table.data.begin() + static_cast<std::ptrdiff_t>(4 * training.data().vocabularies().at("letters").id(letter).value());
      return std::vector<float>(first, first + 4);
    };
    EXPECT_THAT(row_of(before, "m"), ElementsAre(0, 1, 1, 0));
    EXPECT_THAT(row_of(before, "y"), ElementsAre(0.5, 1, 0, 0));
    trainer.fit(training.data());
    EXPECT_EQ(trainer.parameters().get("letters").data == before.data, frozen);
  }
  expect_learns("seq2seq", {"options.layers=2", "options.units=12", "options.width=8", "train.epochs=3", "train.batch.examples=8",
                            "train.optimizer.lr=0.01", "train.schedule.over=200", "train.schedule.warmup=5"});
  try {
    on_crop("seq2seq", {"options.width=4", "train.start={from: vectors/letters.txt, vectors: {letters: letters}}"});
    FAIL();
  } catch (const ModelError& error) {
    EXPECT_THAT(error.what(), HasSubstr("has no vector for 1 of the tokens: '''"));
  }
}

// With enough time the crop's own words are decoded without a mistake in most of them: nothing is said from the truth.
TEST(Systems, DecodingIsRightWhereTheModelKnowsTheAnswer) {
  const Training training =
      on_crop("cascade", {"options.units=32", "options.dropped=0", "train.data.files.train=cmudict/aligned.dev.tsv", "train.epochs=60",
                          "train.batch.examples=8", "train.optimizer.lr=0.01", "train.schedule.over=300", "train.schedule.warmup=5",
                          "train.average=0", "train.decoding.every=5"});
  Trainer<float> trainer = training.trainer(1);
  const FitResult<float> fitted = trainer.fit(training.data());
  EXPECT_TRUE(std::isnan(number(fitted.history[3].validation, "sequence_error")));
  EXPECT_GT(number(fitted.history[4].validation, "sequence_error"), 0.5);
  EXPECT_LT(number(trainer.evaluate(training.data(), Split::kTrain), "sequence_error"), 0.2);
  const std::vector<DecodedText> split = decode_split(training, trainer, Split::kTrain);
  const std::vector<DecodedText> texts = decode_texts(training, trainer, {split[1].read, split[0].read});
  EXPECT_EQ(texts[0].said, split[1].said);
  EXPECT_EQ(texts[1].said, split[0].said);
  EXPECT_THAT(split[0].said, ::testing::ContainsRegex("^[A-Z]+( [A-Z]+)+$"));
}

// What the posterior says of a name costs something, and what is drawn from the prior is letters.
TEST(Systems, AVariationalAutoencoderMakesNames) {
  const std::vector<std::string> small{"options.units=24", "options.latent=4", "train.epochs=15", "train.batch=8",
                                       "train.inputs.beta={rule: linear, first: 0, last: 1, after: 20, over: 100}"};
  const Outcome outcome = expect_learns("vae", small);
  const double kl = number(outcome.test, "kl example_sum"), nats = number(outcome.test, "nats example_sum");
  EXPECT_GT(kl, 0);
  EXPECT_NEAR(number(outcome.test, "loss"), nats + kl, 1e-3);
  const Training training = on_crop("vae", small);
  Trainer<float> trainer = training.trainer(1);
  const std::vector<std::string> names = sample_texts(training, trainer, 40);
  EXPECT_EQ(names.size(), 40U);
  EXPECT_GT(std::set<std::string>(names.begin(), names.end()).size(), 30U);
  EXPECT_EQ(sample_texts(training, trainer, 40), names);
  for (const std::string& name : names) EXPECT_LE(name.size(), 25U);
  EXPECT_THROW(decode_texts(training, trainer, {"anna"}), ModelError);  // it reads nothing
  const Training reads = on_crop("seq2seq", {});
  Trainer<float> reader = reads.trainer(1);
  EXPECT_THROW(sample_texts(reads, reader, 3), ModelError);
}

TEST(Systems, TheVariationalAutoencoderIsProvenInEveryMode) {
  for (const Mode mode : {Mode::kTrain, Mode::kEval, Mode::kDecode}) {
    VerifyOptions options;
    options.mode = mode;
    for (const auto& [every, start] : {std::pair("1", "1"), {"1", "0"}, {"0", "1"}}) {
      const Model model = Model::load("vae", {"options.units=3", "options.width=3", "options.latent=2", "options.longest=3",
                                              std::string("options.every=") + every, std::string("options.start=") + start});
      for (const VerifyCheck& check : verify_model(model, options).checks) {
        EXPECT_TRUE(check.good()) << check.what << " " << check.worst << " " << check.difference;
      }
    }
  }
}

TEST(Systems, WhatDecodingAsksForMustBeThere) {
  const auto problem = [](const std::string& key_value) -> std::string {
    try {
      on_crop("seq2seq", {key_value});
    } catch (const ModelError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(problem("train.decoding.output=tokn"), HasSubstr("E0810: train.decoding.output: the model has no output 'tokn'"));
  EXPECT_THAT(problem("train.decoding.output=logits"), HasSubstr("E0810: train.decoding.output: 'logits' is no token"));
  EXPECT_EQ(problem("train.decoding.every=2"), "");
  const Training numbers(Model::load("sunspots"));
  Trainer<float> trainer = numbers.trainer(1);
  EXPECT_THROW(decode_split(numbers, trainer, Split::kTest), ModelError);
}

TEST(Systems, DataThatAreNotThereAreBroughtByTheScript) {
  ::setenv("TAPELOOP_DATA", "/nowhere", 1);
  try {
    const Training training(Model::load("classifier"));
    FAIL();
  } catch (const ModelError& error) {
    EXPECT_THAT(error.what(), HasSubstr("E0806: train.data: there is no 'names/female.txt' in /nowhere or among the data"));
    EXPECT_THAT(error.what(), HasSubstr("tools/get_data names brings it"));
  }
}

TEST(Systems, VocabulariesStayWithTheWeights) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("tapeloop_vocabulary_" + std::to_string(::getpid()));
  const Training training = on_crop("classifier", {"options.units=4", "train.epochs=1"});
  TrainingOptions options;
  options.folder = folder.string();
  const TrainingReport report = training.run(options);
  const Vocabularies kept = read_vocabularies(report.outcomes.at(0).weights);
  EXPECT_EQ(kept, training.data().vocabularies());
  EXPECT_GT(kept.at("letters").size(), 20U);
  EXPECT_EQ(report.vocabularies, training.data().vocabularies());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tapeloop
