#include "runtime/training/start_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "compiler/frontend/yaml_reader.h"
#include "models/facade/train.h"
#include "runtime/training/atomic_file.h"

namespace tapeloop {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class StartWeights : public testing::Test {
 protected:
  StartWeights() : folder_(fs::temp_directory_path() / ("tapeloop_start_" + std::string(test_name()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "run");
    TensorFile file;
    file.tensors.push_back(make_tensor<float>("e.W", {2}, std::vector<float>{1, 2}));
    file.tensors.push_back(make_tensor<double>("e.b", {1}, std::vector<double>{3}));
    file.tensors.push_back(make_tensor<float>("d.W", {2}, std::vector<float>{4, 5}));
    file.tensors.push_back(make_tensor<float>("opt/m/e.W", {2}, std::vector<float>{6, 7}));  // not of the parameters
    save_safetensors((folder_ / "run/best.safetensors").string(), file);
    std::ofstream(folder_ / "no_weights.txt") << "nothing";
  }
  ~StartWeights() override { fs::remove_all(folder_); }
  StartWeights(const StartWeights&) = delete;
  StartWeights& operator=(const StartWeights&) = delete;

  static const char* test_name() { return testing::UnitTest::GetInstance()->current_test_info()->name(); }

  // What the section gives parameters of these shapes, or what is wrong with it.
  StartArrays take(const std::string& section, const std::vector<ParameterSpec>& parameters, const Vocabularies& vocabularies = {}) {
    problems_.clear();
    Diagnostics diagnostics;
    const auto tree = read_yaml(section, std::make_shared<const std::string>("m.yaml"), diagnostics);
    std::vector<StartFrom> start = read_start(*tree, diagnostics);
    find_start_files(start, {folder_.string()}, diagnostics);
    StartArrays values;
    if (!diagnostics.has_errors()) values = start_values(start, parameters, vocabularies, diagnostics);
    for (const Diagnostic& diagnostic : diagnostics.sorted()) problems_ += format(diagnostic) + "\n";
    return values;
  }

  fs::path folder_;
  std::string problems_;
};

const std::vector<ParameterSpec> kModel = {{"encoder.W", {2}, {}}, {"encoder.b", {1}, {}}, {"out.W", {2}, {}}};

TEST_F(StartWeights, AreTakenByPrefix) {
  const auto values = take("{from: run, take: {\"encoder.*\": \"e.*\"}}", kModel);
  EXPECT_EQ(problems_, "");
  ASSERT_EQ(values.size(), 2U);
  EXPECT_THAT(values.at("encoder.W").data, ElementsAre(1, 2));
  EXPECT_THAT(values.at("encoder.b").data, ElementsAre(3));
}

TEST_F(StartWeights, AreTakenFromSeveralPlacesAndOneByOne) {
  const auto values = take("[{from: run, take: {\"encoder.*\": \"e.*\"}}, {from: run/best.safetensors, take: {out.W: d.W}}]", kModel);
  EXPECT_EQ(problems_, "");
  EXPECT_THAT(values.at("out.W").data, ElementsAre(4, 5));
}

TEST_F(StartWeights, AreAllTakenUnlessSomeAreNamed) {
  const std::vector<ParameterSpec> same = {{"e.W", {2}, {}}, {"e.b", {1}, {}}, {"d.W", {2}, {}}};
  EXPECT_EQ(take("{from: run}", same).size(), 3U);
  EXPECT_EQ(problems_, "");
}

TEST_F(StartWeights, WhateverDoesNotFitIsAMistake) {
  take("{from: run, take: {\"encoder.*\": \"f.*\"}}", kModel);
  EXPECT_THAT(problems_, HasSubstr("m.yaml:1:34: error E0819: train.start: 'encoder.W': "));
  EXPECT_THAT(problems_, HasSubstr("has no 'f.W'; did you mean 'd.W'?"));
  take("{from: run, take: {\"encodr.*\": \"e.*\"}}", kModel);
  EXPECT_THAT(problems_, HasSubstr("no parameter of the model is called 'encodr.*'"));
  take("{from: run, take: {encoder.W: e.W, \"enc*\": \"e*\"}}", kModel);
  EXPECT_THAT(problems_, HasSubstr("has no 'eoder.W'"));
  take("{from: run, take: {\"encoder.*\": \"e.*\"}}", {{"encoder.W", {2, 1}, {}}, {"encoder.b", {1}, {}}});
  EXPECT_THAT(problems_, HasSubstr("'encoder.W' is [2, 1]; 'e.W' of "));
  take("{from: run, take: {\"encoder.*\": \"e.*\"}}", {{"encoder.W", {2}, {}}});
  EXPECT_THAT(problems_, HasSubstr("the model has no parameter for 'e.b'"));
  take("{from: run, take: {\"encoder.*\": \"e.*\", encoder.W: e.W}}", kModel);
  EXPECT_THAT(problems_, HasSubstr("'encoder.W' starts from two arrays"));
}

TEST_F(StartWeights, TheSectionIsReadStrictly) {
  const auto problem = [&](const std::string& section) {
    take(section, kModel);
    return problems_;
  };
  EXPECT_THAT(problem("{take: {a: b}}"), HasSubstr("E0804"));
  EXPECT_THAT(problem("{from: run, takes: {a: b}}"), HasSubstr("E0801"));
  EXPECT_THAT(problem("{from: run, take: {}}"), HasSubstr("E0802"));
  EXPECT_THAT(problem("{from: run, take: {\"a*\": b}}"), HasSubstr("E0808"));
  EXPECT_THAT(problem("{from: run, take: {\"a*b*\": \"c*d*\"}}"), HasSubstr("E0808"));
  EXPECT_THAT(problem("{from: nowhere}"), HasSubstr("E0806"));
  EXPECT_THAT(problem("{from: .}"), HasSubstr("E0806"));
  EXPECT_THAT(problem("{from: ../run}"), HasSubstr("E0901"));
  EXPECT_THAT(problem("{from: '" + (folder_ / "run").string() + "'}"), HasSubstr("E0901"));
  EXPECT_THROW(problem("{from: no_weights.txt}"), FileError);
}

// The mark 0, then c, a, b.
const Vocabularies kWords = {{"words", Vocabulary(true, false, {"c", "a", "b"})}};
const std::vector<ParameterSpec> kTable = {{"table", {5, 2}, {}}};

void write_npy(const fs::path& path, const std::string& dims, const std::vector<float>& numbers) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + dims + ", }";
  header.resize(117, ' ');
  header += '\n';
  std::ofstream file(path, std::ios::binary);
  file << std::string("\x93NUMPY\x01\x00\x76\x00", 10) << header;
  file.write(reinterpret_cast<const char*>(numbers.data()), static_cast<std::streamsize>(4 * numbers.size()));
}

TEST_F(StartWeights, VectorsAreMatchedByToken) {
  std::ofstream(folder_ / "glove.txt") << "z 9 9\na 1 -2.5\nb 3e0 4 \r\nc 5 6\n. . 7 8\n";
  std::ofstream(folder_ / "word2vec.txt") << "2 2\na 1 2\nb 3 4\n";
  StartArray table = take("{from: glove.txt, vectors: {table: words}}", kTable, kWords).at("table");
  EXPECT_EQ(problems_, "");
  EXPECT_THAT(table.data, ElementsAre(0, 0, 5, 6, 1, -2.5, 3, 4, 0, 0));
  EXPECT_THAT(table.given, ElementsAre(false, true, true, true, false));  // neither the mark nor what nobody is
  take("{from: word2vec.txt, vectors: {table: words}}", kTable, kWords);
  EXPECT_THAT(problems_, HasSubstr("has no vector for 1 of the tokens: 'c'"));
  table = take("{from: word2vec.txt, vectors: {table: words}, missing: init}", kTable, kWords).at("table");
  EXPECT_EQ(problems_, "");
  Parameters<float> parameters(kTable);
  parameters.fill(-1);
  begin_with({{"table", table}}, parameters);
  EXPECT_THAT(parameters.get("table").data, ElementsAre(-1, -1, -1, -1, 1, 2, 3, 4, -1, -1));
}

TEST_F(StartWeights, VectorsMayBeAnArrayByIdOrByNamedRows) {
  write_npy(folder_ / "by_id.npy", "(4, 2)", {1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_THAT(take("{from: by_id.npy, vectors: {table: words}}", kTable, kWords).at("table").data,
              ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 0, 0));
  EXPECT_EQ(problems_, "");
  std::ofstream(folder_ / "tokens.txt") << "b\nz\nc\na\n";
  EXPECT_THAT(take("{from: by_id.npy, tokens: tokens.txt, vectors: {table: words}}", kTable, kWords).at("table").data,
              ElementsAre(0, 0, 5, 6, 7, 8, 1, 2, 0, 0));
  EXPECT_EQ(problems_, "");
}

TEST_F(StartWeights, VectorsThatDoNotFitAreRefused) {
  const auto problem = [&](const std::string& text, const std::string& section = "{from: v.txt, vectors: {table: words}}") {
    std::ofstream(folder_ / "v.txt") << text;
    take(section, kTable, kWords);
    return problems_;
  };
  const std::string good = "a 1 2\nb 3 4\nc 5 6\n";
  EXPECT_EQ(problem(good), "");
  EXPECT_THAT(problem("a 1 2\nb 3\nc 5 6\n"), HasSubstr("E0760: train.start: line 2 of "));
  EXPECT_THAT(problem("a 1 2 3\nb 3 4 5\nc 5 6 7\n"), HasSubstr("E0760: train.start: line 1 of "));
  EXPECT_THAT(problem("a 1 2\nb 3 four\nc 5 6\n"), HasSubstr("E0760"));
  EXPECT_THAT(problem("a 1 2\nb 3 nan\nc 5 6\n"), HasSubstr("E0760"));
  EXPECT_THAT(problem(good + "a 7 8\n"), HasSubstr("E0819: train.start: 'a' is twice in "));
  EXPECT_THAT(problem(good, "{from: v.txt, vectors: {tabel: words}}"), HasSubstr("did you mean 'table'?"));
  EXPECT_THAT(problem(good, "{from: v.txt, vectors: {table: word}}"), HasSubstr("did you mean 'words'?"));
  EXPECT_THAT(problem(good, "{from: v.txt, vectors: {table: words}, take: {a: b}}"), HasSubstr("E0808"));
  EXPECT_THAT(problem(good, "{from: v.txt, vectors: {table: words}, missing: zero}"), HasSubstr("E0805"));
  EXPECT_THAT(problem(good, "{from: v.txt, vectors: {}}"), HasSubstr("E0802"));
  EXPECT_THAT(problem(good, "{from: v.txt, tokens: v.txt, vectors: {table: words}}"), HasSubstr("E0819: train.start: rows are named"));
  EXPECT_THAT(problem(good, "{from: run, missing: init}"), HasSubstr("E0808: train.start.missing is for vectors"));
  EXPECT_THAT(problem(good, "{from: run, vectors: {table: words}}"), HasSubstr("E0806"));
  EXPECT_THAT(problem(good, "[{from: v.txt, vectors: {table: words}}, {from: v.txt, vectors: {table: words}}]"),
              HasSubstr("starts from two arrays"));
  write_npy(folder_ / "wrong.npy", "(2, 2)", {1, 2, 3, 4});
  EXPECT_THAT(problem(good, "{from: wrong.npy, vectors: {table: words}}"), HasSubstr("has to be [4, 2]"));
  take("{from: v.txt, vectors: {table: words}}", {{"table", {3, 2}, {}}}, kWords);
  EXPECT_THAT(problems_, HasSubstr("a parameter with one for each of the 4 tokens; this one is [3, 2]"));
}

// One model learns; another takes its recurrent part, keeps that as it is, and learns the rest.
TEST_F(StartWeights, OfATrainingReachTheNextOne) {
  const auto write = [&](const std::string& name, const std::string& instance, const std::string& more) {
    std::ofstream(folder_ / name) << "tapeloop: 1\ninputs: {x: {shape: [1]}, target: {axes: [], shape: [1]}}\nnodes:\n  " << instance
                                  << ": gru(x, units=3)\n  y: linear(last(" << instance
                                  << ", along=t), units=1)\n  error: mse(y, target)\noutputs: [y]\nloss: error\ntrain:\n"
                                     "  data:\n    file: sunspots.csv\n    window: 4\n    scale: {sunspots: [sqrt, standard]}\n"
                                     "    inputs: {x: {columns: [sunspots]}, target: {columns: [sunspots], at: next}}\n"
                                     "  optimizer: {name: sgd, lr: 0.05}\n  epochs: 2\n"
                                  << more;
    return (folder_ / name).string();
  };
  const Training first(Model::load(write("first.yaml", "e", "")));
  TrainingOptions options;
  options.folder = (folder_ / "run").string();
  options.overwrite = true;
  first.run(options);
  const Training second(
      Model::load(write("second.yaml", "encoder", "  start: {from: run, take: {\"encoder.*\": \"e.*\"}}\n  rates: {\"encoder.*\": 0}\n")));
  auto trainer = second.trainer(7);
  trainer.fit(second.data());
  const TensorFile learned = load_safetensors((folder_ / "run/best.safetensors").string());
  for (const auto& entry : trainer.parameters().entries()) {
    const std::string& name = entry.spec.name;
    if (!name.starts_with("encoder.")) continue;
    EXPECT_EQ(trainer.parameters().get(name).data, tensor_values<float>(*learned.find("e." + name.substr(8)))) << name;
  }
  EXPECT_NE(trainer.parameters().get("y.linear.1").data, tensor_values<float>(*learned.find("y.linear.1")));
}

}  // namespace
}  // namespace tapeloop
