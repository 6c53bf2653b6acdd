#include "runtime/training/run_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/training/atomic_file.h"
#include "runtime/training/progress.h"

namespace tapeloop {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class RunFolderTest : public testing::Test {
 protected:
  RunFolderTest() : folder_(fs::temp_directory_path() / ("tapeloop_run_" + std::to_string(::getpid()))) { fs::remove_all(folder_); }
  ~RunFolderTest() override { fs::remove_all(folder_); }
  std::string path() const { return (folder_ / "a" / "b").string(); }

  fs::path folder_;
};

TEST_F(RunFolderTest, HasALineForEachEpochAsCsvAndAsJson) {
  RunFolder run(path());
  run.add({1, 3, 0.5, 2, {{"loss", 0.25}, {"arv", std::nan("")}}, 1.23456, true});
  run.add({2, 6, 0.125, 1, {{"loss", 0.5}, {"arv", 0.1}}, 2, false});
  EXPECT_EQ(read_whole_file(run.file("metrics.csv")),
            "epoch,steps,train_loss,gradient_norm,validation_loss,validation_arv,seconds,best\n"
            "1,3,0.5,2,0.25,nan,1.235,1\n2,6,0.125,1,0.5,0.1,2,0\n");
  const std::string lines = read_whole_file(run.file("metrics.jsonl"));
  const auto first = nlohmann::json::parse(lines.substr(0, lines.find('\n')));
  EXPECT_EQ(first["train_loss"], 0.5);
  EXPECT_TRUE(first["validation_arv"].is_null());
}

TEST_F(RunFolderTest, KeepsConfigurationAndWeights) {
  RunFolder run(path());
  run.write_config("batch: 3\n");
  Parameters<float> parameters(std::vector<ParameterSpec>{{"W", {2, 2}, {}}});
  parameters.initialise(1);
  run.write_weights("best.safetensors", parameters, {{"seed", "1"}});
  EXPECT_EQ(read_whole_file(run.file("config.yaml")), "batch: 3\n");
  const TensorFile file = load_safetensors(run.file("best.safetensors"));
  EXPECT_EQ(file.metadata.at("seed"), "1");
  EXPECT_EQ(tensor_values<float>(*file.find("W")), parameters.get("W").data);
}

TEST_F(RunFolderTest, AFileInTheWayIsAnError) {
  fs::create_directories(folder_);
  write_file_atomically((folder_ / "a").string(), "x");
  EXPECT_THROW(RunFolder run(path()), FileError);
}

// What a progress line writes to a stream, terminal or not.
std::string written(Terminal terminal, int updates) {
  std::FILE* stream = std::tmpfile();
  {
    ProgressLine line(stream, terminal);
    for (int i = 0; i < updates; ++i) line.update("epoch 1/2", 0.5, "loss 0.1");
    line.epoch("epoch 1/2", "loss 0.1");
  }
  std::string text(static_cast<std::size_t>(std::ftell(stream)), '\0');
  std::rewind(stream);
  text.resize(std::fread(text.data(), 1, text.size(), stream));
  std::fclose(stream);
  return text;
}

TEST(Progress, IsALineAnEpochWhereThereIsNoTerminal) { EXPECT_EQ(written(Terminal::kNo, 100), "epoch 1/2  loss 0.1\n"); }

TEST(Progress, RedrawsInPlaceAtMostTenTimesASecond) {
  const std::string text = written(Terminal::kYes, 1000);
  EXPECT_LT(std::count(text.begin(), text.end(), '\r'), 4);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_THAT(text, HasSubstr("[##########----------]"));
}

TEST(Progress, NoColorIsHeeded) {
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_THAT(written(Terminal::kYes, 1), Not(HasSubstr("\033[36m")));
  ::unsetenv("NO_COLOR");
  EXPECT_THAT(written(Terminal::kYes, 1), HasSubstr("\033[36m"));
}

}  // namespace
}  // namespace tapeloop
