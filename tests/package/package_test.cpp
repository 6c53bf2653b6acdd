// The example program as another project builds it: with the installed package by CMake and by pkg-config, and with the source tree.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace tapeloop {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kTree = TAPELOOP_SOURCE_DIR;
const std::string kBuild = TAPELOOP_BINARY_DIR;
const std::string kExample = kTree + "/models/examples/package";

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class Package : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::string(TAPELOOP_BUILD_TYPE) != "Release") GTEST_SKIP() << "the release build is what is installed";
    std::filesystem::remove_all(folder());
    std::filesystem::create_directories(folder());
    run("cmake --install '" + kBuild + "' --prefix '" + prefix() + "'");
  }

  // Of this test alone.
  static std::filesystem::path folder() {
    const std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    return std::filesystem::temp_directory_path() / ("tapeloop_package_" + test);
  }
  static std::string prefix() { return (folder() / "prefix").string(); }

  // Runs a command; shows what it said if it fails.
  static std::string run(const std::string& command) {
    const std::filesystem::path log = folder() / "log";
    const int status = std::system(("(" + command + ") > '" + log.string() + "' 2>&1").c_str());  // NOLINT(cert-env33-c): on purpose
    EXPECT_EQ(status, 0) << command << '\n' << text_of(log);
    return text_of(log);
  }

  static std::string configure(const std::string& build, const std::string& more) {
    return "cmake -G Ninja -S '" + kExample + "' -B '" + build +
           "' -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=" TAPELOOP_COMPILER " " + more + " && cmake --build '" + build + "' -j 2";
  }

  // What the program says where it is a part of our own build.
  static std::string expected() { return run(kBuild + "/models/example_consumer"); }
};

TEST_F(Package, IsFoundByCMake) {
  const std::string build = (folder() / "found").string();
  run(configure(build, "-DCMAKE_PREFIX_PATH='" + prefix() + "'"));
  EXPECT_EQ(run(build + "/consumer"), expected());
  EXPECT_THAT(expected(), HasSubstr("0."));
}

TEST_F(Package, IsFoundByPkgConfig) {
  const std::string program = (folder() / "consumer").string();
  run("export PKG_CONFIG_PATH='" + prefix() + "/lib/pkgconfig' && " TAPELOOP_COMPILER " -std=c++20 '" + kExample + "/consumer.cpp' -o '" +
      program + "' $(pkg-config --cflags --libs tapeloop)");
  EXPECT_EQ(run(program), expected());
}

// All libraries once more: with the compiler's cache that is read only from a folder as deep in the tree as the build. It stays, so
// that the next time nothing is to be done.
TEST_F(Package, IsAPartOfAnotherBuild) {
  const std::string build = kBuild + "-package";
  run(configure(build, "-DTAPELOOP_TREE='" + kTree + "' -DTAPELOOP_STRICT=ON"));
  EXPECT_EQ(run(build + "/consumer"), expected());
  EXPECT_FALSE(std::filesystem::exists(build + "/_deps/tapeloop-build/tapeloop")) << "another project has no use for the tool";
}

TEST_F(Package, AnotherVersionIsNotFound) {
  const std::string project =
      "cmake_minimum_required(VERSION 3.25)\nproject(later NONE)\nfind_package(tapeloop 0.2)\n"
      "message(\"found: ${tapeloop_FOUND}\")\n";
  std::filesystem::create_directories(folder() / "later");
  std::ofstream(folder() / "later/CMakeLists.txt") << project;
  EXPECT_THAT(run("cd '" + (folder() / "later").string() + "' && cmake -B build -DCMAKE_PREFIX_PATH='" + prefix() + "' ."),
              HasSubstr("found: 0"));
}

TEST_F(Package, HasTheToolAndNoPathOfItsBuild) {
  EXPECT_THAT(run(prefix() + "/bin/tapeloop --version"), HasSubstr("tapeloop "));
  for (const char* file : {"lib/pkgconfig/tapeloop.pc", "lib/cmake/tapeloop/tapeloop-targets.cmake"}) {
    EXPECT_THAT(text_of(prefix() + "/" + file), Not(HasSubstr(kTree))) << file;
  }
}

}  // namespace
}  // namespace tapeloop
