// Slips of the pen: 50 models that are right, 20 edits of one token each. What comes of it is compiled, or refused where the slip is:
// never a crash, never a wait. The same seed makes the same edits.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "models/facade/built_in_models.h"
#include "models/facade/model.h"
#include "models/facade/train.h"
#include "tests/models/models_file.h"

namespace tapeloop {
namespace {

constexpr std::size_t kModels = 50, kEdits = 20;
constexpr double kSlowest = 5;  // seconds, of one model
constexpr double kOnTheLine = 0.95;

struct Subject {
  std::string name, yaml;
};

// The shipped ones, then those of the documentation.
std::vector<Subject> subjects() {
  std::vector<Subject> result;
  for (const BuiltInModel& model : built_in_models()) result.push_back({std::string(model.name), std::string(model.yaml)});
  for (const testing::Block& block : testing::yaml_blocks(testing::read_text(testing::source_path("models/LANGUAGE.md")))) {
    if (result.size() == kModels) break;
    if (block.text.find("tapeloop: 1") != std::string::npos) result.push_back({fmt::format("LANGUAGE_{}", block.line), block.text});
  }
  return result;
}

struct Token {
  std::size_t begin = 0, size = 0;
};

// Words, numbers and single characters; comments and texts for people are no part of a model.
std::vector<Token> tokens_of(const std::string& yaml) {
  std::vector<Token> result;
  bool doc = false;
  for (std::size_t line = 0; line < yaml.size();) {
    const std::size_t end = std::min(yaml.find('\n', line), yaml.size());
    const std::string text = yaml.substr(line, end - line);
    doc = text.starts_with("doc:") || (doc && text.starts_with(" "));
    const std::size_t stop = doc ? line : line + std::min(text.find('#'), text.size());
    for (std::size_t at = line; at < stop;) {
      const auto in_word = [&](std::size_t k) { return std::isalnum(static_cast<unsigned char>(yaml[k])) != 0 || yaml[k] == '_'; };
      std::size_t size = 1;
      if (in_word(at)) {
        while (at + size < stop && in_word(at + size)) ++size;
      }
      if (yaml[at] != ' ') result.push_back({at, size});
      at += size;
    }
    line = end + 1;
  }
  return result;
}

struct Edit {
  std::string yaml, what;
  int line = 0;
};

Edit edited(const std::string& yaml, const std::vector<Token>& tokens, std::mt19937_64& random) {
  const auto pick = [&] { return static_cast<std::size_t>(random() % tokens.size()); };
  const auto text = [&](std::size_t k) { return yaml.substr(tokens[k].begin, tokens[k].size); };
  const std::size_t at = pick();
  const Token token = tokens[at];
  const std::string other = text(pick());
  Edit edit{yaml, "", 1 + static_cast<int>(std::count(yaml.begin(), yaml.begin() + static_cast<std::ptrdiff_t>(token.begin), '\n'))};
  switch (random() % 4) {
    case 0:
      edit.what = fmt::format("without '{}'", text(at));
      edit.yaml.erase(token.begin, token.size);
      break;
    case 1:
      edit.what = fmt::format("'{}' twice", text(at));
      edit.yaml.insert(token.begin, text(at) + (std::isalnum(static_cast<unsigned char>(text(at)[0])) != 0 ? " " : ""));
      break;
    case 2:
      edit.what = fmt::format("'{}' for '{}'", other, text(at));
      edit.yaml.replace(token.begin, token.size, other);
      break;
    default:
      if (at + 1 == tokens.size()) return edited(yaml, tokens, random);
      const Token next = tokens[at + 1];
      const std::string between = yaml.substr(token.begin + token.size, next.begin - token.begin - token.size);
      if (between.find('\n') != std::string::npos) return edited(yaml, tokens, random);
      edit.what = fmt::format("'{}' and '{}' swapped", text(at), text(at + 1));
      edit.yaml.replace(token.begin, next.begin + next.size - token.begin, text(at + 1) + between + text(at));
  }
  return edit;
}

// As `tapeloop check` does it; anything but a ModelError fails the test.
std::vector<Diagnostic> errors_of(const std::string& path, bool with_data) {
  std::vector<Diagnostic> list;
  try {
    const Model model = Model::load(path);
    Diagnostics diagnostics;
    model.compile_into(diagnostics);
    if (with_data && !diagnostics.has_errors()) check_training(model, diagnostics);
    list = diagnostics.sorted();
  } catch (const ModelError& error) {
    list = error.list();
  }
  std::erase_if(list, [](const Diagnostic& diagnostic) { return diagnostic.severity != Severity::kError; });
  return list;
}

TEST(Edits, AreCompiledOrRefusedWhereTheyAre) {
  const std::vector<Subject> all = subjects();
  ASSERT_EQ(all.size(), kModels);
  const std::string path = (std::filesystem::temp_directory_path() / fmt::format("tapeloop_edits_{}.yaml", ::getpid())).string();
  std::size_t refused = 0, on_line = 0, made = 0;
  std::string elsewhere;
  for (std::size_t m = 0; m < all.size(); ++m) {
    std::mt19937_64 random(1000 + m);
    const std::vector<Token> tokens = tokens_of(all[m].yaml);
    std::ofstream(path) << all[m].yaml;
    ASSERT_TRUE(errors_of(path, false).empty()) << all[m].name;
    const bool with_data = errors_of(path, true).empty();  // most of the data is not here
    for (std::size_t k = 0; k < kEdits; ++k, ++made) {
      const Edit edit = edited(all[m].yaml, tokens, random);
      std::ofstream(path) << edit.yaml;
      const auto start = std::chrono::steady_clock::now();
      const std::vector<Diagnostic> errors = errors_of(path, with_data);
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      EXPECT_LT(seconds, kSlowest) << all[m].name << ":" << edit.line << ": " << edit.what;
      if (errors.empty()) continue;
      ++refused;
      const auto there = [&](const Diagnostic& d) {
        const std::string line = fmt::format("{}:{}", path, edit.line);  // a message may name the line, too
        return d.source.line == edit.line || format(d).find(line + ":") != std::string::npos ||
               format(d).find(line + ")") != std::string::npos || format(d).find(fmt::format("line {}", edit.line)) != std::string::npos;
      };
      if (std::any_of(errors.begin(), errors.end(), there)) {
        ++on_line;
      } else {
        elsewhere += fmt::format("{}:{}: {}\n    {}\n", all[m].name, edit.line, edit.what, format(errors.front()));
      }
    }
  }
  std::filesystem::remove(path);
  EXPECT_EQ(made, kModels * kEdits);
  fmt::print("{} edits, {} refused, {} of them on the edited line; the others:\n{}", made, refused, on_line, elsewhere);
  EXPECT_GE(static_cast<double>(on_line), kOnTheLine * static_cast<double>(refused));
}

}  // namespace
}  // namespace tapeloop
