// Ids of tokens and classes that are not there: refused where they enter, with what looks them up and how many there are.
#include "core/lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "models/facade/evaluate.h"
#include "models/facade/gradflow.h"
#include "models/facade/session.h"
#include "models/facade/train.h"
#include "runtime/training/atomic_file.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::model_of;

constexpr const char* kWords =
    "tapeloop: 1\ninputs: {token: {type: int}, class: {type: int, axes: []}}\nparameters: {table: [5, 2]}\nnodes:\n"
    "  e: embedding(token_tm1, table)\n  again: embedding(reverse(token, along=t), table)\n  y: linear(last(e + again, along=t), units=3)\n"
    "  nll: cross_entropy(y, class)\noutputs: [y]\nloss: nll\n";

std::string refused(const std::function<void()>& mistake) {
  try {
    mistake();
  } catch (const ModelError& error) {
    return error.what();
  }
  return "accepted";
}

Feed feed_of(const std::string& inputs) {
  return parse_feed("{\"inputs\": " + inputs +
                        ", \"parameters\": {\"table\": [[1, 2], [1, 2], [1, 2], [1, 2], [1, 2]], \"y.linear.1\": [[1, 2, 3], [1, 2, 3]], "
                        "\"y.linear.bias\": [0, 0, 0]}}",
                    "feed.json");
}

TEST(Lookup, TheSmallestTableThatReadsAnInputCounts) {
  const Graph graph = model_of(
                          "tapeloop: 1\ninputs: {a: {type: int}, b: {type: int}}\nparameters: {big: [9, 2], small: [3, 2]}\nnodes:\n"
                          "  y: embedding(a, big) + embedding(a_tm1, small) + embedding(max(b, 0), small)\noutputs: [y]\n")
                          .compile()
                          .graph;
  const std::vector<WholeNumbers> whole = whole_numbers(graph);
  EXPECT_EQ(whole[static_cast<std::size_t>(graph.names.at("a"))].below, 3);
  EXPECT_EQ(whole[static_cast<std::size_t>(graph.names.at("b"))].below, 0);  // the model itself sees to it
}

TEST(Lookup, AFeedWithAnIdThatIsNotThereIsRefused) {
  for (const bool reference : {false, true}) {
    EvaluateOptions options;
    options.reference = reference;
    const auto run = [&](const std::string& inputs) {
      return refused([&] { evaluate<double>(model_of(kWords), feed_of(inputs), options); });
    };
    EXPECT_EQ(run(R"({"token": [[0, 4, 2], [1]], "class": [0, 2]})"), "accepted");
    EXPECT_THAT(run(R"({"token": [[0, 4, 2], [1, 5]], "class": [0, 2]})"),
                AllOf(HasSubstr("E0704"), HasSubstr("'token' is int: expected a whole number from 0 to 4, by which 'e' ("),
                      HasSubstr("looks up one of 5, found 5 at t=1 of example 1 in feed.json"), HasSubstr("take a larger table")));
    EXPECT_THAT(run(R"({"token": [[-1]], "class": [0]})"), HasSubstr("found -1 at t=0 of example 0"));
    EXPECT_THAT(run(R"({"token": [[0]], "class": [3]})"),
                AllOf(HasSubstr("from 0 to 2, by which 'nll' ("), HasSubstr("found 3 of example 0")));
    EXPECT_THAT(run(R"({"token": [[0.5]], "class": [0]})"), AllOf(HasSubstr("E0723"), HasSubstr("whole numbers, found 0.5")));
  }
}

TEST(Lookup, WhatLiesPastTheEndIsNotLookedAt) {
  SessionOptions options;
  options.gradients = false;
  Session<float> session(model_of(kWords), options);
  Batch<float> batch;
  batch.rows = 2;
  batch.inputs["token"] = {{2, 3}, {0, 1, 2, 3, 99, -1}};
  batch.inputs["class"] = {{2}, {0, 1}};
  batch.lengths["t"] = {3, 1};
  EXPECT_EQ(refused([&] { session.forward(batch); }), "accepted");
  batch.lengths["t"] = {3, 2};
  EXPECT_THAT(refused([&] { session.forward(batch); }), HasSubstr("found 99 at t=1 of example 1"));
}

TEST(Lookup, GradflowRefusesToo) {
  const Feed feed = feed_of(R"({"token": [[7]], "class": [0]})");
  GradflowOptions options;
  options.feed = &feed;
  EXPECT_THAT(refused([&] { gradient_flow(model_of(kWords), options); }), HasSubstr("found 7 at t=0 of example 0 in feed.json"));
}

// Of files the record is named, before anything is learned.
class LookupOfFiles : public ::testing::Test {
 protected:
  LookupOfFiles() : folder_(std::filesystem::temp_directory_path() / ("tapeloop_lookup_" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~LookupOfFiles() override { std::filesystem::remove_all(folder_); }

  std::string training(const std::string& name, const std::string& text, const std::string& nodes, const std::string& data) {
    std::ofstream(folder_ / name) << text;
    std::ofstream(folder_ / "m.yaml") << "tapeloop: 1\ninputs: " << nodes << "outputs: [y]\nloss: nll\ntrain:\n  data:\n    file: " << name
                                      << "\n"
                                      << data << "  epochs: 1\n  optimizer: {name: sgd, lr: 0.1}\n";
    return refused([&] { const Training made(Model::load((folder_ / "m.yaml").string())); });
  }

  std::filesystem::path folder_;
};

TEST_F(LookupOfFiles, ARecordWithAnIdThatIsNotThereIsNamed) {
  const std::string nodes =
      "{word: {type: int}, class: {type: int, axes: []}}\nparameters: {table: [4, 2]}\nnodes:\n  e: embedding(word, table)\n"
      "  y: linear(last(e, along=t), units=2)\n  nll: cross_entropy(y, class)\n";
  const std::string data =
      "    examples: records\n    inputs:\n      word: {column: words, along: {t: words}}\n      class: {column: class}\n"
      "    split: {column: row, train: [0, 2]}\n";
  EXPECT_EQ(training("d.csv", "words,class\n0 1 2,0\n3,1\n1 1,0\n1 99,5\n", nodes, data), "accepted");  // the last is in no split
  EXPECT_THAT(training("d.csv", "words,class\n0 1 2,0\n3 4,1\n1 1,0\n", nodes, data),
              AllOf(HasSubstr("d.csv:3:1: error E0704"), HasSubstr("train.data.inputs.word ("), HasSubstr("'e' ("), HasSubstr("found 4")));
  EXPECT_THAT(training("d.csv", "words,class\n0,0\n3,-1\n1,0\n", nodes, data),
              AllOf(HasSubstr("d.csv:3:3: error E0704"), HasSubstr("from 0 to 1, by which 'nll' ("), HasSubstr("found -1")));
  EXPECT_THAT(training("d.csv", "words,class\n0,0\n3,1\n1.5,0\n", nodes, data), AllOf(HasSubstr("d.csv:4:1"), HasSubstr("found 1.5")));
}

TEST_F(LookupOfFiles, AVocabularyIsASizeOfTheModel) {
  const auto nodes = [](const std::string& size) {
    return "{word: {type: int}}\nparameters: {table: [" + size + ", 2]}\nnodes:\n  y: linear(embedding(word_tm1, table), units=" + size +
           ")\n  nll: cross_entropy(y, word)\n";
  };
  const std::string data = "    examples: records\n    inputs: {word: {column: text, along: {t: words}, tokens: words}}\n";
  EXPECT_EQ(training("d.csv", "text\na b\nb c\n", nodes("words"), data), "accepted");
  EXPECT_THAT(training("d.csv", "text\na b\nb c\n", nodes("word"), data),
              AllOf(HasSubstr("E0810"), HasSubstr("the vocabulary 'words' has "), HasSubstr("no size of that name; did you mean 'word'?")));
  EXPECT_EQ(training("d.csv", "text\na b\nb c\n", nodes("3"), data), "accepted");  // the model says it in numbers
}

TEST_F(LookupOfFiles, ARowOfASeriesIsNamed) {
  const std::string nodes =
      "{id: {type: int}, target: {axes: [], type: int}}\nparameters: {table: [3, 2]}\nnodes:\n"
      "  y: linear(last(embedding(id, table), along=t), units=3)\n  nll: cross_entropy(y, target)\n";
  const std::string data =
      "    window: 2\n    inputs:\n      id: {column: id}\n      target: {column: id, at: next}\n"
      "    split: {column: year, train: [1, 5]}\n";
  EXPECT_EQ(training("s.csv", "year,id\n1,0\n2,1\n3,2\n4,0\n5,1\n6,7\n", nodes, data), "accepted");
  EXPECT_THAT(training("s.csv", "year,id\n1,0\n2,1\n3,3\n4,0\n5,1\n6,7\n", nodes, data),
              AllOf(HasSubstr("s.csv:4:3: error E0704"), HasSubstr("found 3")));
}

}  // namespace
}  // namespace tapeloop
