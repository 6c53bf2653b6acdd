// Every call of the file system fails once, and from then on: nothing that was there before is lost, and the reason is said.
#include "tests/faults/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "models/facade/resume.h"
#include "models/facade/train.h"
#include "runtime/training/atomic_file.h"
#include "runtime/training/safetensors.h"
#include "tests/sanitized.h"

namespace tapeloop {
namespace {

namespace fs = std::filesystem;
using faults::Fault;
using testing::AnyOf;
using testing::HasSubstr;

class Faults : public testing::Test {
 protected:
  Faults() : folder_(fs::temp_directory_path() / ("tapeloop_faults_" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~Faults() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  fs::path folder_;
};

TensorFile numbered(std::int64_t number) {
  TensorFile file;
  file.tensors.push_back(make_tensor<std::int64_t>("number", {}, std::span(&number, 1)));
  return file;
}
std::int64_t number_in(const std::string& path) { return tensor_values<std::int64_t>(*load_safetensors(path).find("number")).front(); }

// What it came to: "" or the FileError's text.
std::string outcome(const Fault& fault, const std::function<void()>& work) {
  std::string said;
  faults::arm(fault);
  try {
    work();
  } catch (const FileError& error) {
    said = error.what();
  }
  faults::disarm();
  return said;
}

int calls_of(const std::function<void()>& work) {
  faults::arm({});
  work();
  return faults::disarm();
}

TEST_F(Faults, OfASaveLeaveAWholeFileAndSayWhy) {
  const std::string file = path("a");
  save_safetensors(file, numbered(1));
  save_safetensors(file, numbered(2));
  const int calls = calls_of([&] { save_safetensors(file, numbered(3)); });
  EXPECT_GE(calls, 10);
  std::int64_t now = 3;
  int failed = 0;
  for (int call = 1; call <= calls; ++call) {
    for (const bool forever : {false, true}) {
      for (const int error : {EIO, ENOSPC}) {
        const std::string said = outcome({call, forever, error}, [&] { save_safetensors(file, numbered(now + 1)); });
        const std::int64_t found = number_in(file);
        EXPECT_THAT(found, AnyOf(now, now + 1)) << call;
        if (said.empty()) {
          EXPECT_EQ(found, now + 1) << call;
        }
        if (!said.empty()) {
          EXPECT_THAT(said, HasSubstr(std::strerror(error)));
        }
        if (!said.empty()) {
          EXPECT_THAT(said, HasSubstr(folder_.string()));
        }
        if (!said.empty() && found == now + 1) {
          EXPECT_THAT(said, HasSubstr("sync the folder"));
        }
        EXPECT_GE(number_in(file + ".prev"), now - 1) << call;
        failed += said.empty() ? 0 : 1;
        now = found;
        save_safetensors(file, numbered(++now));  // the next one works
      }
    }
  }
  EXPECT_GE(failed, 4 * (calls - 4));  // all but removing what is not there, and closing the folder
}

TEST_F(Faults, OfALoadSayWhy) {
  const std::string file = path("a");
  save_safetensors(file, numbered(1));
  const int calls = calls_of([&] { number_in(file); });
  EXPECT_GE(calls, 3);
  for (int call = 1; call < calls; ++call) {  // the last is closing what was read
    for (const bool forever : {false, true}) {
      const std::string said = outcome({call, forever, EIO}, [&] { number_in(file); });
      EXPECT_THAT(said, HasSubstr("E0903"));
      EXPECT_THAT(said, HasSubstr(file));
      EXPECT_THAT(said, HasSubstr(std::strerror(EIO)));
    }
  }
  EXPECT_EQ(number_in(file), 1);
}

TEST_F(Faults, ReadsAndWritesMayBeShortOrInterrupted) {
  const std::string file = path("a");
  const int calls = calls_of([&] { save_safetensors(file, numbered(1)); });
  for (int call = 1; call <= calls; ++call) {
    EXPECT_EQ(outcome({call, false, 0}, [&] { save_safetensors(file, numbered(call)); }), "");
    EXPECT_EQ(number_in(file), call);
    EXPECT_EQ(outcome({call, true, 0}, [&] { save_safetensors(file, numbered(-call)); }), "");
    EXPECT_EQ(outcome({call, true, 0}, [&] { EXPECT_EQ(number_in(file), -call); }), "");
  }
  for (int call = 1; call <= 4; ++call) {
    EXPECT_EQ(outcome({call, false, EINTR}, [&] { EXPECT_EQ(number_in(file), -calls); }), "") << call;
    EXPECT_EQ(outcome({call, false, EINTR}, [&] { save_safetensors(file, numbered(-calls)); }), "") << call;
  }
}

// A whole training, its metrics and configuration too.
TEST_F(Faults, OfATrainingLeaveACheckpointToGoOnFrom) {
  const Training training(Model::load("sunspots", {"options.units=2", "train.seeds=[1]", "train.epochs=3", "train.checkpoint.epochs=1"}));
  TrainingOptions options;
  options.folder = path("run");
  options.overwrite = true;
  const std::string checkpoint = path("run/checkpoint.safetensors");
  const int calls = calls_of([&] { training.run(options); });
  EXPECT_GT(calls, 50);
  for (int call = 1; call <= calls; ++call) {
    for (const bool forever : {false, true}) {
      const std::string said = outcome({call, forever, ENOSPC}, [&] { training.run(options); });
      if (!said.empty()) {
        EXPECT_THAT(said, HasSubstr(std::strerror(ENOSPC))) << call;
      }
      if (fs::exists(checkpoint)) {
        EXPECT_NO_THROW(load_checkpoint(checkpoint)) << call;
      }
    }
  }
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The command line, with these functions loaded before the library's.
TEST_F(Faults, OfTheCommandLineEndWithStatus4) {
  if (is_sanitized()) GTEST_SKIP() << "a sanitizer wants to be loaded first";
  const auto train = [&](const std::string& fault, const std::string& arguments) {
    const std::string command = "cd " + folder_.string() + " && TAPELOOP_FAULT_COUNT=" + path("count") + " TAPELOOP_FAULT='" + fault +
                                "' LD_PRELOAD=" TAPELOOP_FAULTS_LIBRARY " " TAPELOOP_BINARY_DIR "/tapeloop train " + arguments +
                                " > said 2>&1";
    const int status = std::system(command.c_str());  // NOLINT(cert-env33-c): this is a test of a command
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  const std::string first = "sunspots options.units=2 train.seeds=[1] train.epochs=2 train.checkpoint.epochs=1 --folder run";
  ASSERT_EQ(train("0 0 0", first), 0) << text_of(path("said"));
  ASSERT_EQ(train("0 0 0", "--resume run train.epochs=3"), 0) << text_of(path("said"));
  const int calls = std::atoi(text_of(path("count")).c_str());
  ASSERT_GT(calls, 20);
  const char* all = std::getenv("TAPELOOP_FAULTS");
  int failed = 0;
  for (int call = 1; call <= calls; call += all ? 1 : 4) {
    const int status = train(std::to_string(call) + " 1 " + std::to_string(ENOSPC), "--resume run train.epochs=3");
    EXPECT_THAT(status, AnyOf(0, 4)) << call << ": " << text_of(path("said"));
    if (status == 4) {
      EXPECT_THAT(text_of(path("said")), HasSubstr(std::strerror(ENOSPC))) << call;
    }
    if (status == 4) {
      EXPECT_THAT(text_of(path("said")), HasSubstr("run")) << call;
    }
    failed += status == 4 ? 1 : 0;
    ASSERT_EQ(train("0 0 0", "--resume run train.epochs=3"), 0) << call << ": " << text_of(path("said"));
  }
  EXPECT_GT(failed, all ? calls / 2 : calls / 8);
}

}  // namespace
}  // namespace tapeloop
