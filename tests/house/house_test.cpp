// The repository keeps the rules of tests/house/rules.h.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/house/rules.h"

namespace tapeloop::house {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<File>& tree() {
  static const std::vector<File> kTree = read_tree(TAPELOOP_SOURCE_DIR);
  return kTree;
}

TEST(House, FoldersIncludeOnlyDownwards) { EXPECT_THAT(layering(tree()), IsEmpty()); }
TEST(House, LibrariesStayWhereTheyBelong) { EXPECT_THAT(libraries(tree()), IsEmpty()); }
TEST(House, UnitsIncludeTheirOwnHeaderFirst) { EXPECT_THAT(own_header_first(tree()), IsEmpty()); }
TEST(House, FilesAreShort) {
  EXPECT_THAT(sizes(tree()), IsEmpty());
  for (const std::string& line : large_units(tree())) std::cout << "large: " << line << '\n';
}
TEST(House, NoPathsOfOneMachineAndNoEmptyNames) { EXPECT_THAT(words(tree()), IsEmpty()); }
TEST(House, EachFolderSaysWhatItIs) { EXPECT_THAT(readmes(tree()), IsEmpty()); }

TEST(House, EveryUnitIsBuilt) {
  std::ostringstream commands;
  commands << std::ifstream(std::filesystem::path(TAPELOOP_BINARY_DIR) / "compile_commands.json").rdbuf();
  ASSERT_THAT(commands.str(), testing::Not(IsEmpty()));
  std::vector<std::string> skipped;
  if (!TAPELOOP_WITH_BENCH) skipped.emplace_back("bench");
  if (commands.str().find("-fsanitize=thread") != std::string::npos) skipped.emplace_back("tests/memory");
  EXPECT_THAT(unbuilt(tree(), commands.str(), skipped), IsEmpty());
}

TEST(House, ScriptsAreValidBashAndExecutable) {
  int scripts = 0;
  for (const File& file : tree()) {
    if (!file.text.starts_with("#!/usr/bin/env bash\n")) continue;
    ++scripts;
    const std::filesystem::path path = std::filesystem::path(TAPELOOP_SOURCE_DIR) / file.path;
    EXPECT_EQ(std::system(("bash -n '" + path.string() + "'").c_str()), 0) << file.path;
    EXPECT_NE(std::filesystem::status(path).permissions() & std::filesystem::perms::owner_exec, std::filesystem::perms::none) << file.path;
    EXPECT_NE(file.text.find("set -euo pipefail\n"), std::string::npos) << file.path;
  }
  EXPECT_GE(scripts, 4);
}

// The rules themselves, on files made wrong.

TEST(HouseRules, UpwardAndSidewardIncludesAreFound) {
  const std::vector<File> files = {{"core/a.h", "#include \"runtime/b.h\"\n"},
                                   {"runtime/b.h", "#include <vector>\n#include \"core/a.h\"\n"},
                                   {"compiler/c.cpp", "#include \"core/a.h\"\n#include \"runtime/b.h\"\n"},
                                   {"models/d.h", "#include \"runtime/b.h\"\n#include \"models/missing.h\"\n"}};
  EXPECT_THAT(layering(files),
              ElementsAre("core/a.h:1: core may not include runtime/b.h", "compiler/c.cpp:2: compiler may not include runtime/b.h",
                          "models/d.h:2: there is no models/missing.h"));
}

TEST(HouseRules, ALibraryInAHeaderOrInTwoUnitsIsFound) {
  const std::vector<File> files = {{"compiler/a.h", "#include <boost/graph/strong_components.hpp>\n"},
                                   {"compiler/b.cpp", "#include <yaml-cpp/yaml.h>\n"},
                                   {"runtime/c.cpp", "#include <yaml-cpp/eventhandler.h>\n"},
                                   {"nodes/d-inl.h", "#include <hwy/highway.h>\n"}};
  EXPECT_THAT(libraries(files),
              ElementsAre("compiler/a.h:1: Boost in a header", "yaml-cpp is in 2 .cpp files, at most 1: compiler/b.cpp, runtime/c.cpp"));
}

TEST(HouseRules, AnotherHeaderBeforeTheOwnIsFound) {
  const std::vector<File> files = {{"core/a.h", ""}, {"core/a.cpp", "#include <vector>\n#include \"core/a.h\"\n"}, {"core/b.cpp", ""}};
  EXPECT_THAT(own_header_first(files), ElementsAre("core/a.cpp: the first include is not core/a.h"));
}

TEST(HouseRules, LongFilesAreFound) {
  EXPECT_THAT(sizes({{"core/a.cpp", std::string(601, '\n')}, {"core/b.md", std::string(900, '\n')}}),
              ElementsAre("core/a.cpp: 601 lines, at most 600"));
}

TEST(HouseRules, AnUnbuiltUnitIsFound) {
  const std::vector<File> files = {{"tests/a/a_test.cpp", ""}, {"tests/a/deep/b_test.cpp", ""}, {"bench/c.cpp", ""}};
  const std::string commands = R"([{"directory": "/b", "file": "/r/tests/a/a_test.cpp", "command": "c++"}])";
  EXPECT_THAT(unbuilt(files, commands, {"bench"}), ElementsAre("tests/a/deep/b_test.cpp: no target builds it"));
}

TEST(HouseRules, PathsOfOneMachineAndEmptyNamesAreFound) {
  const std::string path = std::string("/tm") + "p/x";
  EXPECT_THAT(words({{"core/utils.h", ""}, {"tools/a", "ok\ncp " + path + "\n"}}),
              ElementsAre("core/utils.h: the name says nothing", "tools/a:2: '" + path.substr(0, 5) + "'"));
}

}  // namespace
}  // namespace tapeloop::house
