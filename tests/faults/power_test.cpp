// Power fails at any moment of a save: what is found afterwards is a whole file, and the new one once it has been acknowledged.
#include "tests/faults/power.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "runtime/training/atomic_file.h"

namespace tapeloop {
namespace {

namespace fs = std::filesystem;
using faults::Disk;
using faults::Files;
using faults::Operation;

class Power : public testing::Test {
 protected:
  Power() : folder_(fs::temp_directory_path() / ("tapeloop_power_" + std::to_string(::getpid()))), path_((folder_ / "a").string()) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    write_file_atomically(path_, "the one before");
    write_file_atomically(path_, "the old one", Previous::kKeep);
    saved_ = faults::operations_of([&] { write_file_atomically(path_, "the new one", Previous::kKeep); });
  }
  ~Power() override { fs::remove_all(folder_); }

  static std::string at(const Files& files, const std::string& path) { return files.contains(path) ? files.at(path) : "none"; }
  bool is_whole(const Files& files) const {
    const std::string now = at(files, path_), before = at(files, path_ + ".prev");
    return (now == "the old one" || now == "the new one") && (before == "the one before" || before == "the old one");
  }
  // Of the ways in which power may fail during these operations, or after them, those that leave something else.
  int broken(const std::vector<Operation>& operations) const {
    Disk disk({{path_, "the old one"}, {path_ + ".prev", "the one before"}});
    int count = 0;
    const auto look = [&](const auto& is_good) {
      const std::vector<Files> found = disk.after_power_loss();
      count += static_cast<int>(std::count_if(found.begin(), found.end(), [&](const Files& files) { return !is_good(files); }));
    };
    for (const Operation& operation : operations) {
      look([&](const Files& files) { return is_whole(files); });
      disk.apply(operation);
    }
    look([&](const Files& files) { return is_whole(files) && at(files, path_) == "the new one"; });
    return count;
  }

  fs::path folder_;
  std::string path_;
  std::vector<Operation> saved_;
};

TEST_F(Power, LostWhileAFileIsSavedLeavesAWholeOne) {
  EXPECT_GE(saved_.size(), 7U);
  EXPECT_EQ(broken(saved_), 0);
}

// A test of the test.
TEST_F(Power, LostWithoutOneOfTheSyncsLeavesAnother) {
  int syncs = 0;
  for (std::size_t k = 0; k < saved_.size(); ++k) {
    if (saved_[k].kind != Operation::Kind::kSync) continue;
    ++syncs;
    std::vector<Operation> others = saved_;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(k));
    EXPECT_GT(broken(others), 0) << "without that of " << saved_[k].path;
  }
  EXPECT_EQ(syncs, 2);
}

}  // namespace
}  // namespace tapeloop
