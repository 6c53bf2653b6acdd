// tests/bad_models: one mistake a file, and on its first line what must be reported and where: `# expect: E0203 line 7`.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
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
  const std::string path = (std::filesystem::temp_directory_path() / "tapeloop_many_mistakes.yaml").string();
  FILE* file = std::fopen(path.c_str(), "w");
  std::fputs(yaml.c_str(), file);
  std::fclose(file);
  std::set<int> lines;
  for (const Diagnostic& diagnostic : errors_of(path)) lines.insert(diagnostic.source.line);
  std::filesystem::remove(path);
  EXPECT_EQ(lines, (std::set<int>{2, 4, 5, 6, 7, 8}));
}

}  // namespace
}  // namespace tapeloop
