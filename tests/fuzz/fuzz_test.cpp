// Each target on its corpus, which has all that fuzzing found, and on what a few bytes' change makes of it. The long runs are those of
// tools/fuzz, by libFuzzer.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/fuzz/targets.h"
#include "tests/random/dice.h"

namespace tapeloop::fuzz {
namespace {

constexpr int kMutations = 200;  // of a target

std::vector<std::string> corpus(const std::string& target) {
  std::vector<std::string> folders{"tests/fuzz/corpus/" + target};
  if (target == "model") folders.insert(folders.end(), {"tests/bad_models", "models/cells", "models/patterns", "models/systems"});
  std::vector<std::filesystem::path> paths;
  for (const std::string& folder : folders) {
    for (const auto& entry : std::filesystem::directory_iterator(std::string(TAPELOOP_SOURCE_DIR) + "/" + folder)) {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> result;
  for (const std::filesystem::path& path : paths) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    result.push_back(text.str());
  }
  return result;
}

std::string mutated(std::string bytes, const std::vector<std::string>& others, Dice& dice) {
  for (int change = dice.between(1, 4); change > 0; --change) {
    const auto at = static_cast<std::size_t>(dice.below(static_cast<int>(bytes.size()) + 1));
    const std::string& other = dice.pick(others);
    const auto from = static_cast<std::size_t>(dice.below(static_cast<int>(other.size()) + 1));
    const auto length = static_cast<std::size_t>(dice.between(1, 8));
    switch (dice.below(4)) {
      case 0:
        bytes.erase(at, length);
        break;
      case 1:
        bytes.insert(at, other.substr(from, length));
        break;
      case 2:
        bytes.insert(at, 1, static_cast<char>(dice.below(256)));
        break;
      default:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << dice.below(8)));
    }
  }
  return bytes;
}

class Fuzz : public ::testing::TestWithParam<Target> {};
INSTANTIATE_TEST_SUITE_P(Each, Fuzz, ::testing::ValuesIn(targets()), [](const auto& test) { return std::string(test.param.name); });

TEST_P(Fuzz, WhatTheCorpusHasIsTakenOrRefused) {
  const std::vector<std::string> files = corpus(GetParam().name);
  ASSERT_FALSE(files.empty());
  for (const std::string& bytes : files) run(GetParam(), bytes);
}

TEST_P(Fuzz, SoIsWhatIsNearIt) {
  const std::vector<std::string> files = corpus(GetParam().name);
  Dice dice(11);
  for (int k = 0; k < kMutations; ++k) run(GetParam(), mutated(dice.pick(files), files, dice));
}

// Else the target would see refusals only.
TEST(FuzzResume, TrainingsGoOnFromItsCorpus) {
  int count = 0;
  for (const std::string& bytes : corpus("resume")) count += trainings_that_go_on(bytes);
  EXPECT_GE(count, 6);
}

}  // namespace
}  // namespace tapeloop::fuzz
