// What a C++ program can get wrong about a session and its batches: each mistake has its code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "models/facade/session.h"
#include "runtime/training/atomic_file.h"
#include "runtime/training/vocabulary.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using testing::model_of;

std::string code_of(const std::function<void()>& mistake) {
  try {
    mistake();
  } catch (const ModelError& error) {
    return error.list().front().code;
  } catch (const FileError& error) {
    return error.code();
  }
  return "none";
}

constexpr const char* kNested =
    "tapeloop: 1\n"
    "axes: {t: {}, u: {within: t, length: n}}\n"
    "inputs: {n: {type: int}}\n"
    "nodes: {y: \"sum(index(u), along=u)\"}\n"
    "outputs: [y]\n";
constexpr const char* kCounting =
    "tapeloop: 1\n"
    "axes: {u: {}}\n"
    "inputs: {c: {axes: []}}\n"
    "nodes: {y: \"c + sum(index(u), along=u)\"}\n"
    "outputs: [y]\n";

TEST(BatchErrors, SizesThatNothingTells) {
  EXPECT_EQ(code_of([] { Session<float> session(Model::load("gru")); }), "E0730");
}

TEST(BatchErrors, AValueThatNoOutputNeeds) {
  SessionOptions options;
  options.shapes = {{"x", {2}}};
  options.gradients = false;  // z is used as it is made, and has no room of its own
  Session<float> session(Model::load("gru", {"options.units=2"}), options);
  Batch<float> batch{.rows = 1, .inputs = {{"x", {{1, 1, 2}, {1, 2}}}}, .lengths = {}, .example_ids = {}, .first_positions = {}};
  session.forward(batch);
  EXPECT_EQ(code_of([&] { session.value("z"); }), "E0731");
  options.keep = {"z"};
  Session<float> keeping(Model::load("gru", {"options.units=2"}), options);
  keeping.forward(batch);
  EXPECT_EQ(keeping.value("z").data.size(), 2U);
}

TEST(BatchErrors, LengthsThatNothingGivesOrTwoDo) {
  Session<float> counting(model_of(kCounting));
  Batch<float> batch{.rows = 2, .inputs = {{"c", {{2}, {1, 2}}}}, .lengths = {}, .example_ids = {}, .first_positions = {}};
  EXPECT_EQ(code_of([&] { counting.forward(batch); }), "E0706");
  batch.lengths["u"] = {3, 4};
  EXPECT_EQ(code_of([&] { counting.forward(batch); }), "none");
  Session<float> nested(model_of(kNested));
  batch.inputs = {{"n", {{2, 1}, {1, 2}}}};
  batch.lengths = {{"u", {1, 2}}};
  EXPECT_EQ(code_of([&] { nested.forward(batch); }), "E0707");
}

TEST(BatchErrors, MorePositionsThanCanBeNumbered) {
  Session<float> session(model_of(kCounting));
  Batch<float> batch{.rows = 2, .inputs = {{"c", {{2}, {1, 2}}}}, .lengths = {}, .example_ids = {}, .first_positions = {}};
  batch.lengths["u"] = {2000000000, 2000000000};
  EXPECT_EQ(code_of([&] { session.forward(batch); }), "E0709");
}

TEST(BatchErrors, ParametersWithoutNumbers) {
  CompileOptions options;
  options.fed_shapes = {{"x", {2}}};
  tapeloop::Run<float> run(std::make_shared<const Plan>(Model::load("simple_rnn", {"options.units=2"}).compile(options).plan));
  Batch<float> batch{.rows = 1, .inputs = {{"x", {{1, 1, 2}, {1, 2}}}}, .lengths = {}, .example_ids = {}, .first_positions = {}};
  EXPECT_EQ(code_of([&] { run.forward(batch); }), "E0712");
}

TEST(BatchErrors, VocabulariesThatATrainingDidNotWrite) {
  EXPECT_EQ(code_of([] { parse_vocabularies("[1]", "vocabularies.json"); }), "E0907");
}

}  // namespace
}  // namespace tapeloop
