// tools/mutants finds what it may change; where libclang's Python module is missing there is nothing to test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace tapeloop::house {
namespace {

using testing::ElementsAre;

std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

constexpr const char* kSource = R"(#include <string>
#include <vector>

struct Tap {
  int offset;
};

int last(const std::vector<Tap>& taps, int length) {
  std::vector<int> found;
  if (taps.empty() || length < 1) return -length;
  found.push_back(taps[0].offset);
  return length - found.back();
}

std::string text(int a) { return a < 1 ? "few" : "many"; }
)";

TEST(Mutants, SignsTermsTapsAndComparisonsAreFoundAndTextIsLeftOut) {
  if (std::system("/usr/bin/python3 -c 'from clang import cindex; cindex.Index.create()' 2> /dev/null") != 0) {
    GTEST_SKIP() << "tools/install_packages --mutants brings libclang's Python module";
  }
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "tapeloop_mutants_places";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "taps.cpp") << kSource;
  const std::string command =
      TAPELOOP_SOURCE_DIR "/tools/mutants --places " + (folder / "taps.cpp").string() + " > " + (folder / "found").string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_THAT(lines_of(folder / "found"),
              ElementsAre("10:7 compare: taps.empty() || length < 1 => taps.empty() && length < 1",  //
                          "10:23 shift: length => length + 1",                                       //
                          "10:23 compare: length < 1 => length <= 1",                                //
                          "10:42 sign: -length => length",                                           //
                          "10:43 shift: length => length + 1",                                       //
                          "11:3 drop: found.push_back(taps[0].offset) => void()",                    //
                          "11:24 shift: 0 => 1",                                                     //
                          "12:10 shift: length => length + 1",                                       //
                          "12:10 drop: length - found.back() => length",                             //
                          "12:10 sign: length - found.back() => length + found.back()"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tapeloop::house
