// The command line as the world treats it: stopped by signals, killed, and gone on with in new processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <thread>

#include "core/philox.h"
#include "runtime/training/atomic_file.h"
#include "runtime/training/safetensors.h"

namespace tapeloop {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

// Dropout, shuffled windows, adam with a schedule, a mean of the parameters, early stopping.
constexpr const char* kWindows = R"(tapeloop: 1
inputs: {x: {shape: [1]}, target: {axes: [], shape: [1]}}
nodes:
  h: gru(x, units=16)
  y: linear(dropout(last(h, along=t), rate=0.3), units=1)
  error: mse(y, target)
outputs: [y]
loss: error
train:
  data:
    file: sunspots.csv
    window: 6
    scale: {sunspots: [sqrt, standard]}
    inputs: {x: {columns: [sunspots]}, target: {columns: [sunspots], at: next}}
    split: {column: year, train: [1712, 1901], validation: [1902, 1920]}
  batch: 48
  epochs: 60
  optimizer: {name: adam, lr: 0.01}
  schedule: {rule: cosine, over: 100, warmup: 3}
  average: 0.9
  early_stopping: {patience: 40}
)";

// One series, cut into parts with a state that is handed on.
constexpr const char* kSeries = R"(tapeloop: 1
inputs: {x: {shape: [1]}}
nodes:
  h: gru(x, units=8)
  y: linear(dropout(h, rate=0.2), units=1)
  error: mse(y_tm1, x)
outputs: [y]
loss: error
train:
  data:
    file: sunspots.csv
    scale: {sunspots: [sqrt, standard]}
    inputs: {x: {columns: [sunspots]}}
    split: {column: year, train: [1700, 1901], test: [1921, 1955]}
  optimizer: {name: adam, lr: 0.01}
  epochs: 40
  truncate: {every: 20, back: 30}
)";

constexpr int kStillRuns = -1;

class Resume : public testing::Test {
 protected:
  Resume() : folder_(fs::temp_directory_path() / ("tapeloop_resume_" + std::to_string(::getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    std::ofstream(folder_ / "windows.yaml") << kWindows;
    std::ofstream(folder_ / "series.yaml") << kSeries;
  }
  ~Resume() override { fs::remove_all(folder_); }

  // Starts `tapeloop train ARGUMENTS` in the folder; what it says goes to `said`.
  pid_t start(const std::string& arguments) const {
    const pid_t child = ::fork();
    if (child != 0) return child;
    const std::string command = "cd " + folder_.string() + " && exec " TAPELOOP_BINARY_DIR "/tapeloop train " + arguments + " > said 2>&1";
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  static int status_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }
  static int wait_for(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return status_of(status);
  }
  static int ask(pid_t child) {
    int status = 0;
    return ::waitpid(child, &status, WNOHANG) == 0 ? kStillRuns : status_of(status);
  }
  std::string text(const std::string& name) const { return read_whole_file((folder_ / name).string()); }
  int train(const std::string& arguments) const { return wait_for(start(arguments)); }

  // What a run came to: its weights and its metrics but for how long it took.
  std::vector<std::string> result(const std::string& run) const {
    const std::regex seconds("\"seconds\": [0-9.e-]+");
    return {text(run + "/best.safetensors"), text(run + "/last.safetensors"),
            std::regex_replace(text(run + "/metrics.jsonl"), seconds, "")};
  }

  fs::path folder_;
};

double seconds_of(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

int trials(int otherwise) {
  const char* count = std::getenv("TAPELOOP_RESUMES");
  return count ? std::atoi(count) : otherwise;
}

// Stopped at a random moment of what is left, again and again, each time gone on with by a new process; every second time killed, so that
// some steps are done again.
TEST_F(Resume, AnywhereByANewProcessGivesTheSameBits) {
  double whole_seconds = 0;
  for (const std::string model : {"windows", "series"}) {
    whole_seconds = seconds_of([&] { ASSERT_EQ(train(model + ".yaml --threads 1 --folder whole_" + model), 0) << text("said"); });
  }
  for (int k = 0; k < trials(20); ++k) {
    const std::string model = k % 2 == 0 ? "windows" : "series";
    const std::string run = "run_" + std::to_string(k), threads = " --threads " + std::to_string(1 + k / 2 % 2);
    const bool kills = k / 4 % 2 == 1;
    std::string arguments = model + ".yaml --overwrite --folder " + run + threads + (kills ? " train.checkpoint.steps=7" : "");
    int stops = 0, status = kStillRuns;
    for (std::uint32_t part = 0; status != 0; ++part) {
      const pid_t child = start(arguments);
      status = kStillRuns;
      const std::string metrics = (folder_ / run / "metrics.csv").string();
      const PhiloxCounter bits = philox({static_cast<std::uint32_t>(k), part, 0, 0}, {1, 2});
      while (!fs::exists(metrics) && (status = ask(child)) == kStillRuns) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      const auto moment = Clock::now() + std::chrono::duration<double>(0.8 * whole_seconds * bits[0] / 4294967296.0);
      while (Clock::now() < moment && status == kStillRuns) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        status = ask(child);
      }
      if (part < 3 && status == kStillRuns) ::kill(child, kills ? SIGKILL : part % 2 == 0 ? SIGTERM : SIGINT);
      if (status == kStillRuns) status = wait_for(child);
      const int expected = kills ? 128 + SIGKILL : part % 2 == 0 ? 143 : 130;
      ASSERT_TRUE(status == 0 || status == expected) << status << ": " << text("said");
      stops += status != 0;
      const bool kept = fs::exists(folder_ / run / "checkpoint.safetensors");
      if (kept) arguments = "--resume " + run + threads;
      ASSERT_TRUE(kept || kills) << text("said");
    }
    EXPECT_EQ(result(run), result("whole_" + model)) << "trial " << k << ", stopped " << stops << " times";
    RecordProperty("trial_" + std::to_string(k), stops);
    fs::remove_all(folder_ / run);
  }
}

TEST_F(Resume, ASignalSavesAndSaysHowToGoOn) {
  const pid_t child = start("windows.yaml train.epochs=100000 train.early_stopping.patience=100000 --folder run");
  while (!fs::exists(folder_ / "run" / "metrics.csv")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  ::kill(child, SIGINT);
  EXPECT_EQ(wait_for(child), 130);
  EXPECT_THAT(text("said"), HasSubstr("tapeloop train --resume run"));
  const TensorFile kept = load_safetensors((folder_ / "run" / "checkpoint.safetensors").string());
  EXPECT_GT(tensor_values<std::int64_t>(*kept.find("opt/steps")).front(), 0);
}

// Both wait for the process when it wakes up: the first asks it to save, the second does not wait for that.
TEST_F(Resume, ASecondSignalEndsItAtOnce) {
  const pid_t child = start("windows.yaml train.epochs=100000 train.early_stopping.patience=100000 --folder run");
  while (!fs::exists(folder_ / "run" / "metrics.csv")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  for (const int signal : {SIGSTOP, SIGINT, SIGTERM, SIGCONT}) ::kill(child, signal);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_FALSE(fs::exists(folder_ / "run" / "checkpoint.safetensors"));
}

// Each with its reason and exit status 4; and nothing of the run is changed by having been asked.
TEST_F(Resume, OfSomethingElseIsRefused) {
  ASSERT_EQ(train("windows.yaml train.epochs=2 --folder run"), 0) << text("said");
  const std::vector<std::string> before = result("run");
  const auto refused = [&](const std::string& arguments, const std::string& why) {
    EXPECT_EQ(train(arguments), 4) << arguments;
    EXPECT_THAT(text("said"), HasSubstr("E0909"));
    EXPECT_THAT(text("said"), HasSubstr(why)) << arguments;
    EXPECT_EQ(result("run"), before) << arguments;
  };
  refused("--resume run train.optimizer.lr=0.5", "'train.optimizer.lr' was 0.01, and is 0.5 now");
  refused("--resume run train.batch=7", "'train.batch' was 48, and is 7 now");
  refused("--resume run train.seed=2", "belongs to seed 1, not 2");
  refused("--resume run train.seeds=[1,2]", "there is no checkpoint to go on from");
  refused("series.yaml --resume run", "belongs to another train: section");
  std::ofstream(folder_ / "windows.yaml") << std::regex_replace(std::string(kWindows), std::regex("rate=0.3"), "rate=0.4");
  refused("--resume run", "belongs to another model: 'y' was linear(dropout(last(h, along=t), rate=0.3), units=1), and is ");
  std::ofstream(folder_ / "windows.yaml") << kWindows;
  fs::copy_file(TAPELOOP_SOURCE_DIR "/models/data/sunspots.csv", folder_ / "sunspots.csv");
  EXPECT_EQ(train("--resume run"), 0) << text("said");  // the same data in another place
  std::ofstream(folder_ / "sunspots.csv", std::ios::app) << "2200,1\n";
  refused("--resume run", "belongs to other data: 'sunspots.csv' has changed");
  EXPECT_EQ(train("--resume nothing"), 4);
  EXPECT_THAT(text("said"), HasSubstr("nothing/config.yaml"));
}

TEST_F(Resume, OfWhatIsDoneGoesFurther) {
  ASSERT_EQ(train("windows.yaml train.epochs=3 train.seeds=[1,2] --folder run"), 0) << text("said");
  ASSERT_EQ(train("windows.yaml train.epochs=5 train.seeds=[1,2] --folder whole"), 0) << text("said");
  ASSERT_EQ(train("--resume run train.epochs=5"), 0) << text("said");
  for (const std::string seed : {"/seed_1", "/seed_2"}) EXPECT_EQ(result("run" + seed), result("whole" + seed));
}

TEST_F(Resume, OfADamagedCheckpointSaysWhatElseThereIs) {
  ASSERT_EQ(train("windows.yaml train.epochs=2 train.checkpoint.epochs=1 --folder run"), 0) << text("said");
  const std::string path = (folder_ / "run" / "checkpoint.safetensors").string();
  const std::string good = text("run/checkpoint.safetensors");
  std::ofstream(path, std::ios::trunc) << good.substr(0, good.size() / 2);
  EXPECT_EQ(train("--resume run"), 4);
  EXPECT_THAT(text("said"), HasSubstr("E0905"));
  EXPECT_THAT(text("said"), HasSubstr("mv run/checkpoint.safetensors.prev run/checkpoint.safetensors"));
  TensorFile other = load_safetensors(path + ".prev");
  std::erase_if(other.tensors, [](const Tensor& tensor) { return tensor.name == "opt/steps"; });
  std::ofstream(path, std::ios::trunc) << encode_safetensors(other);
  EXPECT_EQ(train("--resume run"), 4);
  EXPECT_THAT(text("said"), HasSubstr("mv run/checkpoint.safetensors.prev run/checkpoint.safetensors"));
  fs::remove(path);
  EXPECT_EQ(train("--resume run"), 4);
  EXPECT_THAT(text("said"), HasSubstr("mv run/checkpoint.safetensors.prev run/checkpoint.safetensors"));
  fs::rename(path + ".prev", path);
  EXPECT_EQ(train("--resume run"), 0) << text("said");
}

TEST_F(Resume, ARunIsNotOverwrittenUnlessAsked) {
  ASSERT_EQ(train("windows.yaml train.epochs=1 --folder run"), 0) << text("said");
  const std::vector<std::string> before = result("run");
  EXPECT_EQ(train("windows.yaml train.epochs=2 --folder run"), 4);
  EXPECT_THAT(text("said"), HasSubstr("E0911"));
  EXPECT_THAT(text("said"), HasSubstr("run/metrics.csv, run/best.safetensors, run/last.safetensors, run/checkpoint.safetensors"));
  EXPECT_THAT(text("said"), HasSubstr("--resume run goes on with it"));
  EXPECT_EQ(result("run"), before);
  EXPECT_EQ(train("windows.yaml train.epochs=2 train.seeds=[1,2] --folder run"), 4);
  EXPECT_EQ(train("windows.yaml train.epochs=2 train.seeds=[1,2] --folder seeds"), 0) << text("said");
  EXPECT_EQ(train("windows.yaml train.epochs=2 train.seeds=[3,4] --folder seeds"), 4);
  EXPECT_EQ(train("windows.yaml train.epochs=2 --folder seeds"), 4);
  EXPECT_EQ(train("windows.yaml train.epochs=2 --folder run --overwrite"), 0) << text("said");
  EXPECT_NE(result("run"), before);
}

// A run that begins anew does not go on from what another left, and does not lose it either.
TEST_F(Resume, ACheckpointOfAnotherTrainingStandsAside) {
  ASSERT_EQ(train("windows.yaml train.epochs=2 --folder run"), 0);
  const std::string first = text("run/checkpoint.safetensors");
  const pid_t child =
      start("windows.yaml train.epochs=100000 train.early_stopping.patience=100000 train.checkpoint.seconds=0 --folder run --overwrite");
  while (fs::exists(folder_ / "run" / "checkpoint.safetensors")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ::kill(child, SIGKILL);
  wait_for(child);
  EXPECT_EQ(text("run/checkpoint.safetensors.prev"), first);
  EXPECT_EQ(train("--resume run"), 4);
}

}  // namespace
}  // namespace tapeloop
