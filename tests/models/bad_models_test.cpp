// tests/bad_models: one mistake a file, and on its first line what must be reported and where: `# expect: E0203 line 7`.
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/codes.h"
#include "models/facade/model.h"
#include "models/facade/train.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::ElementsAre;

struct BadModel {
  std::string path, code;
  int line = 0;
};

std::vector<BadModel> bad_models() {
  std::vector<BadModel> models;
  for (const auto& entry : std::filesystem::directory_iterator(testing::source_path("tests/bad_models"))) {
    if (entry.path().extension() != ".yaml") continue;
    std::istringstream words(testing::read_text(entry.path().string()));
    std::string hash, expect, line;
    BadModel model{entry.path().string(), "", 0};
    words >> hash >> expect >> model.code >> line >> model.line;
    EXPECT_EQ(expect, "expect:") << model.path;
    models.push_back(model);
  }
  std::sort(models.begin(), models.end(), [](const BadModel& a, const BadModel& b) { return a.path < b.path; });
  return models;
}

std::vector<Diagnostic> errors_of(const std::string& path) {
  Diagnostics diagnostics;
  try {
    const Model model = Model::load(path);
    model.compile_into(diagnostics);
    if (!diagnostics.has_errors()) check_training(model, diagnostics);
  } catch (const ModelError& error) {
    return error.list();
  }
  std::vector<Diagnostic> list = diagnostics.sorted();
  std::erase_if(list, [](const Diagnostic& diagnostic) { return diagnostic.severity != Severity::kError; });
  return list;
}

// "LINE CODE", in order.
std::vector<std::string> errors_of_text(const std::string& yaml) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("tapeloop_mistakes_" + std::to_string(::getpid()) + ".yaml")).string();
  std::ofstream(path) << yaml;
  std::vector<std::string> found;
  for (const Diagnostic& diagnostic : errors_of(path)) found.push_back(std::to_string(diagnostic.source.line) + " " + diagnostic.code);
  std::filesystem::remove(path);
  return found;
}

TEST(BadModels, EachGivesItsCodeOnItsLineAndNothingElse) {
  for (const BadModel& model : bad_models()) {
    const std::vector<Diagnostic> errors = errors_of(model.path);
    ASSERT_FALSE(errors.empty()) << model.path;
    EXPECT_EQ(errors.size(), 1U) << ModelError(errors).what();
    EXPECT_EQ(errors[0].code, model.code) << format(errors[0]);
    EXPECT_EQ(errors[0].source.line, model.line) << format(errors[0]);
    EXPECT_NE(errors[0].message, "");
  }
}

TEST(BadModels, AreFortyOrMoreWithTwentyFiveCodesOrMore) {
  std::set<std::string> codes;
  for (const BadModel& model : bad_models()) codes.insert(model.code);
  EXPECT_GE(bad_models().size(), 40U);
  EXPECT_GE(codes.size(), 25U);
}

TEST(BadModels, EveryCodeIsListed) {
  for (const BadModel& model : bad_models()) {
    EXPECT_TRUE(std::any_of(std::begin(kCodes), std::end(kCodes), [&](const Code& code) { return code.code == model.code; })) << model.code;
  }
}

TEST(BadModels, AllMistakesOfAFileAreReportedInOneRun) {
  const std::string yaml =
      "tapeloop: 1\n"
      "inputs: {x: {shpe: [3]}}\n"
      "nodes:\n"
      "  a: tanh(x +)\n"
      "  b: tahn(x)\n"
      "  c: linear(x)\n"
      "  d: sigmoid(y)\n"
      "outputs: [a, b, c, d, e]\n";
  EXPECT_THAT(errors_of_text(yaml), ElementsAre("2 E0114", "4 E0202", "5 E0302", "6 E0304", "7 E0301", "8 E0301"));
}

// Each line has a mistake of its own; s and w depend on one of them, and so nothing is said about them.
TEST(BadModels, MistakesInNamesAxesAndShapesAreReportedInOneRun) {
  const std::string yaml =
      "tapeloop: 1\n"
      "axes: {t: {}, u: {within: t}}\n"
      "inputs: {x: {shape: [3]}, v: {axes: [], shape: [4]}, k: {axes: [t, u], shape: [2]}}\n"
      "states: {h: tanh(v), g: hh}\n"
      "nodes:\n"
      "  h: tanh(linear(x, h_tm1, units=5))\n"
      "  g: tanh(k) + g[u-1]\n"
      "  p: tanh(xx)\n"
      "  s: linear(p_tm1, units=2) + x\n"
      "  w: last(p, along=u)\n"
      "  a: v_tm1 + v\n"
      "  m: last(x, along=u)\n"
      "  n: v + linear(x, units=2)\n"
      "  e: mean(square(x), along=t)\n"
      "outputs: [h, g, s, w, a, m, n]\n"
      "loss: e\n";
  EXPECT_THAT(errors_of_text(yaml), ElementsAre("4 E0508", "4 E0301", "8 E0301", "11 E0402", "12 E0402", "13 E0501", "16 E0506"));
}

}  // namespace
}  // namespace tapeloop
