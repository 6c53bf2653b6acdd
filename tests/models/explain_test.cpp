// The pages of the codes: every example that can be run is run, the wrong one and the right one.
#include "models/facade/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "core/codes.h"
#include "models/facade/evaluate.h"
#include "models/facade/train.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::filesystem::path own_folder() {
  std::filesystem::path folder = std::filesystem::temp_directory_path() / ("tapeloop_explain_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  return folder;
}

std::set<std::string> codes_of(const std::vector<Diagnostic>& list) {
  std::set<std::string> codes;
  for (const Diagnostic& diagnostic : list) codes.insert(diagnostic.code);
  return codes;
}

// Errors and warnings of a model, its train: section included.
std::set<std::string> codes_of_model(const std::string& yaml, const std::string& name) {
  const std::filesystem::path path = own_folder() / (name + ".yaml");
  std::ofstream(path) << yaml;
  try {
    Diagnostics diagnostics;
    const Model model = Model::load(path);
    model.compile_into(diagnostics);
    if (!diagnostics.has_errors()) check_training(model, diagnostics);
    return codes_of(diagnostics.sorted());
  } catch (const ModelError& error) {
    return codes_of(error.list());
  }
}

std::set<std::string> codes_of_feed(const std::string& yaml, const std::string& feed) {
  try {
    evaluate<double>(testing::model_of(yaml), parse_feed(feed, "feed.json"));
    return {};
  } catch (const ModelError& error) {
    return codes_of(error.list());
  }
}

struct Result {
  int status = -1;
  std::string error;
};

Result commands(const std::string& text) {
  const std::filesystem::path folder = own_folder() / "commands";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::ofstream(own_folder() / "commands.sh") << "export PATH=" TAPELOOP_BINARY_DIR ":$PATH\n" << text;
  const std::string command = "cd " + folder.string() + " && sh ../commands.sh > ../out 2> ../error";
  const int status = std::system(command.c_str());  // NOLINT(cert-env33-c): these are commands
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, testing::read_text(own_folder() / "error")};
}

TEST(Explain, EveryCodeHasAPageOfItsOwn) {
  ASSERT_EQ(explanations().size(), std::size(kCodes));
  std::set<std::string> texts;
  for (const Explanation& page : explanations()) {
    EXPECT_GE(page.text.size(), 20U) << page.code;
    EXPECT_TRUE(texts.insert(page.text).second) << page.code;
    EXPECT_NE(page.wrong, "") << page.code;
    EXPECT_NE(page.right, "") << page.code;
    EXPECT_NE(page.wrong, page.right) << page.code;
    EXPECT_TRUE((std::set<std::string>{"yaml", "json", "sh", "cpp", "text"}.contains(page.language))) << page.code;
  }
}

TEST(Explain, ModelsGiveTheirCodeOrNone) {
  for (const Explanation& page : explanations()) {
    if (page.language != "yaml") continue;
    const std::string name = page.code == "E0311" ? "contains_itself" : "model";
    EXPECT_EQ(codes_of_model(page.wrong, name), std::set{page.code});
    EXPECT_EQ(codes_of_model(page.right, name), std::set<std::string>()) << page.code << "\n" << page.right;
  }
}

TEST(Explain, FeedsGiveTheirCodeOrNone) {
  for (const Explanation& page : explanations()) {
    if (page.language != "json") continue;
    EXPECT_EQ(codes_of_feed(page.model, page.wrong), std::set{page.code});
    EXPECT_EQ(codes_of_feed(page.model, page.right), std::set<std::string>()) << page.code;
  }
}

TEST(Explain, CommandsGiveTheirCodeOrWork) {
  for (const Explanation& page : explanations()) {
    if (page.language != "sh") continue;
    const Result wrong = commands(page.wrong);
    EXPECT_THAT(wrong.error, HasSubstr("error " + page.code));
    const Result right = commands(page.right);
    EXPECT_EQ(right.status, 0) << page.code << "\n" << right.error;
    EXPECT_THAT(right.error, Not(HasSubstr("error E0"))) << page.code;
  }
}

// Every diagnostic is provoked by something: by its page's example above, or in a test that names it.
TEST(Explain, CodesWhoseExamplesAreExcerptsHaveATestOfTheirOwn) {
  std::string tests;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(testing::source_path("tests"))) {
    if (entry.path().extension() == ".cpp" && entry.path().filename() != "explain_test.cpp") tests += testing::read_text(entry.path());
  }
  for (const Explanation& page : explanations()) {
    // The answers to a cycle, and to a start, that no model we know of makes: better than a wrong result if one should come.
    if (page.code == "E0607" || page.code == "E0710") continue;
    const bool excerpt = page.language == "cpp" || page.language == "text";
    EXPECT_TRUE(!excerpt || tests.find(page.code) != std::string::npos) << page.code;
  }
}

TEST(Explain, APageShowsWhatIsWrongAndRight) {
  const std::string page = explanation_page(*find_explanation("E0301"));
  EXPECT_THAT(page, HasSubstr("E0301: an unknown name\n"));
  EXPECT_THAT(page, HasSubstr("wrong:\n    tapeloop: 1\n"));
  EXPECT_THAT(page, HasSubstr("      h: gaet * x\n"));
  EXPECT_THAT(page, HasSubstr("      h: gate * x\n"));
  EXPECT_THAT(explanation_page(*find_explanation("E0803")),
              HasSubstr("wrong, in sunspots.yaml:\n      epochs: -3\nright, in sunspots.yaml:\n"));
  EXPECT_EQ(find_explanation("E0000"), nullptr);
}

}  // namespace
}  // namespace tapeloop
