#include "runtime/training/atomic_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <thread>

#include "core/philox.h"
#include "runtime/training/safetensors.h"

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

TEST_F(AtomicFile, TemporaryFilesOfKilledProcessesAreRemoved) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  const std::string dead = path(".a.tmp." + std::to_string(child)), alive = path(".a.tmp." + std::to_string(::getpid()));
  for (const std::string& name : {dead, alive, path("a.tmp.1"), path(".a.tmp.x")}) write_file_atomically(name, "x");
  remove_left_over(folder_.string());
  EXPECT_FALSE(fs::exists(dead));
  EXPECT_TRUE(fs::exists(alive));
  EXPECT_EQ(files(), 3U);
}

TEST_F(AtomicFile, APreviousFileThatIsTheSameStays) {
  write_file_atomically(path("a"), "1", Previous::kKeep);
  fs::create_hard_link(path("a"), path("a.prev"));
  write_file_atomically(path("a"), "2", Previous::kKeep);
  EXPECT_EQ(read_whole_file(path("a.prev")), "1");
  EXPECT_EQ(files(), 2U);
}

// Shared with the process that saves.
struct Acknowledged {
  std::atomic<std::int64_t> number{0};
};

TensorFile numbered(std::int64_t number) {
  TensorFile file;
  file.tensors.push_back(make_tensor<std::int64_t>("number", {}, std::span(&number, 1)));
  const std::vector<double> many(static_cast<std::size_t>(1000 + number % 7 * 3000), static_cast<double>(number));
  file.tensors.push_back(make_tensor<double>("many", {static_cast<std::int64_t>(many.size())}, many));
  return file;
}

std::int64_t number_in(const std::string& path) { return tensor_values<std::int64_t>(*load_safetensors(path).find("number")).front(); }

// A process that only saves, killed at a random moment: what is there is whole, and none older than the last that was said to be there.
TEST_F(AtomicFile, WhateverIsKilledWhileItSavesLeavesAWholeFile) {
  const char* count = std::getenv("TAPELOOP_KILLS");
  void* shared = ::mmap(nullptr, sizeof(Acknowledged), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  auto* acknowledged = new (shared) Acknowledged;
  int between = 0;  // kills before the save was acknowledged
  for (std::uint32_t k = 0; k < static_cast<std::uint32_t>(count ? std::atoi(count) : 200); ++k) {
    const std::int64_t first = acknowledged->number + 1;
    const pid_t child = ::fork();
    if (child == 0) {
      for (std::int64_t number = first;; ++number) {
        save_safetensors(path("a"), numbered(number));
        acknowledged->number = number;
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(philox({k, 0, 0, 0}, {1, 2})[0] % 20000));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    if (!fs::exists(path("a"))) {
      EXPECT_EQ(acknowledged->number, 0);
      continue;
    }
    const std::int64_t found = number_in(path("a"));
    ASSERT_GE(found, acknowledged->number) << "kill " << k;
    if (fs::exists(path("a.prev"))) {
      ASSERT_GE(number_in(path("a.prev")), found - 1) << "kill " << k;
    }
    between += found > acknowledged->number ? 1 : 0;
    acknowledged->number = found;
    remove_left_over(folder_.string());
  }
  EXPECT_LE(files(), 2U);
  EXPECT_GT(acknowledged->number, 0);
  RecordProperty("saved", static_cast<int>(acknowledged->number));
  RecordProperty("killed_before_it_was_said", between);
  ::munmap(shared, sizeof(Acknowledged));
}

}  // namespace
}  // namespace tapeloop
