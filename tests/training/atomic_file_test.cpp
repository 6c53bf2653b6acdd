#include "runtime/training/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace tapeloop {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class AtomicFile : public testing::Test {
 protected:
  AtomicFile() : folder_(fs::temp_directory_path() / ("tapeloop_atomic_" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~AtomicFile() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::size_t files() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator())); }

  fs::path folder_;
};

TEST_F(AtomicFile, WritesAndReplaces) {
  write_file_atomically(path("a"), "one");
  write_file_atomically(path("a"), "second");
  EXPECT_EQ(read_whole_file(path("a")), "second");
  EXPECT_EQ(files(), 1U);
}

TEST_F(AtomicFile, KeepsTheFileBefore) {
  for (const char* text : {"1", "2", "3"}) write_file_atomically(path("a"), text, Previous::kKeep);
  EXPECT_EQ(read_whole_file(path("a")), "3");
  EXPECT_EQ(read_whole_file(path("a.prev")), "2");
}

TEST_F(AtomicFile, FailureLeavesTheOldFileAndNoTemporaryOne) {
  fs::create_directories(path("a/below"));  // a folder that is not empty cannot be replaced
  EXPECT_THROW(write_file_atomically(path("a"), "new"), FileError);
  EXPECT_TRUE(fs::is_directory(path("a/below")));
  EXPECT_EQ(files(), 1U);
}

TEST_F(AtomicFile, ErrorsNameTheFileAndTheReason) {
  try {
    write_file_atomically(path("missing/a"), "x");
    FAIL();
  } catch (const FileError& error) {
    EXPECT_EQ(error.code(), "E0902");
    EXPECT_THAT(error.what(), HasSubstr("missing/a"));
    EXPECT_THAT(error.what(), HasSubstr("No such file or directory"));
  }
}

TEST_F(AtomicFile, OnlyFilesAreRead) {
  EXPECT_THROW(read_whole_file("/dev/null"), FileError);
  EXPECT_THROW(read_whole_file(folder_.string()), FileError);
}

TEST_F(AtomicFile, ReadingHasALimit) {
  write_file_atomically(path("a"), "12345");
  EXPECT_EQ(read_whole_file(path("a"), 5), "12345");
  EXPECT_THROW(read_whole_file(path("a"), 4), FileError);
  EXPECT_THROW(read_whole_file(path("nothing")), FileError);
}

}  // namespace
}  // namespace tapeloop
