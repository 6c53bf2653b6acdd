#include "runtime/training/train_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>

#include "compiler/frontend/yaml_reader.h"
#include "runtime/training/data_file.h"

namespace tapeloop {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kGood = R"(data:
  file: sunspots.csv
  window: 12
  scale: {sunspots: [sqrt, standard]}
  inputs:
    x: {columns: [sunspots]}
    target: {column: sunspots, at: next}
  split: {column: year, train: [1712, 1901], validation: [1902, 1920]}
batch: 64
optimizer: {name: adam, lr: 0.01, beta1: 0.8}
clip: {norm: 1}
early_stopping: {patience: 60, on: validation}
seeds: [1, 2, 3]
metrics: {output: y, target: target, report: [mse, arv], variance: 1535}
folder: runs/sunspots
)";

struct Read {
  TrainSpec spec;
  Diagnostics diagnostics;

  std::vector<std::string> problems() const {
    std::vector<std::string> result;
    for (const Diagnostic& d : diagnostics.sorted()) result.push_back(d.source.text() + " " + d.code);
    return result;
  }
  std::string messages() const {
    std::string text;
    for (const Diagnostic& d : diagnostics.sorted()) text += format(d) + "\n";
    return text;
  }
};

const std::string kDataFolder = TAPELOOP_SOURCE_DIR "/models/data";

Read read(const std::string& text, const std::vector<Override>& overrides = {}) {
  Read result;
  const auto tree = read_yaml(text, std::make_shared<const std::string>("m.yaml"), result.diagnostics);
  result.spec = read_train_spec(apply_overrides(*tree, overrides, result.diagnostics), {{kDataFolder}, {}}, result.diagnostics);
  return result;
}

// kGood with one line put in the place of another.
std::string with(const std::string& line, const std::string& instead) {
  std::string text = kGood;
  const std::size_t at = text.find(line);
  EXPECT_NE(at, std::string::npos) << line;
  return text.replace(at, line.size(), instead);
}

TEST(TrainSpec, ReadsEveryKey) {
  const Read r = read(kGood);
  ASSERT_EQ(r.messages(), "");
  EXPECT_EQ(r.spec.data.window, 12);
  EXPECT_EQ(fs::path(r.spec.data.parts[0].files[0].path).filename(), "sunspots.csv");
  ASSERT_EQ(r.spec.data.inputs.size(), 2U);
  EXPECT_FALSE(r.spec.data.inputs[0].scalar);
  EXPECT_TRUE(r.spec.data.inputs[1].scalar);
  EXPECT_TRUE(r.spec.data.inputs[1].next);
  EXPECT_THAT(r.spec.data.scale[0].steps, ElementsAre(Scaling::kSqrt, Scaling::kStandard));
  EXPECT_EQ(r.spec.data.split.ranges[0][0].last, "1901");
  EXPECT_THAT(r.spec.data.split.ranges[2], testing::IsEmpty());
  EXPECT_EQ(r.spec.batch, 64);
  EXPECT_DOUBLE_EQ(r.spec.optimizer.setting("lr"), 0.01);
  EXPECT_DOUBLE_EQ(r.spec.optimizer.setting("beta1"), 0.8);
  EXPECT_DOUBLE_EQ(r.spec.optimizer.setting("beta2"), 0.999);
  EXPECT_EQ(r.spec.early_stopping->patience, 60);
  EXPECT_THAT(r.spec.seeds, ElementsAre(1U, 2U, 3U));
  EXPECT_THAT(r.spec.metrics.at(0).report, ElementsAre(Metric::kMse, Metric::kArv));
  EXPECT_EQ(r.spec.folder, "runs/sunspots");
}

struct Mistake {
  const char* line;
  const char* instead;
  const char* problem;
};

TEST(TrainSpec, EachMistakeHasItsCodeAtItsPlace) {
  const std::vector<Mistake> mistakes{
      {"batch: 64", "bacth: 64", "m.yaml:9:1 E0801"},
      {"batch: 64", "batch: many", "m.yaml:9:8 E0803"},
      {"batch: 64", "batch: 0", "m.yaml:9:8 E0803"},
      {"batch: 64", "batch: 1.5", "m.yaml:9:8 E0803"},
      {"batch: 64", "shuffle: yes", "m.yaml:9:10 E0805"},
      {"batch: 64", "batch: [64]", "m.yaml:9:8 E0803"},
      {"lr: 0.01", "lr: fast", "m.yaml:10:29 E0803"},
      {"lr: 0.01", "lr: -1", "m.yaml:10:29 E0803"},
      {"lr: 0.01", "lr: nan", "m.yaml:10:29 E0803"},
      {"beta1: 0.8", "beta1: 1", "m.yaml:10:42 E0803"},
      {"beta1: 0.8", "momentum: 1", "m.yaml:10:35 E0801"},
      {"name: adam", "name: adma", "m.yaml:10:19 E0805"},
      {"{name: adam, lr: 0.01, beta1: 0.8}", "adam", "m.yaml:10:12 E0802"},
      {"clip: {norm: 1}", "clip: {norm: 0}", "m.yaml:11:14 E0803"},
      {"clip: {norm: 1}", "clip: {}", "m.yaml:11:7 E0804"},
      {"patience: 60, ", "", "m.yaml:12:17 E0804"},
      {", validation: [1902, 1920]", "", "m.yaml:12:17 E0808"},
      {"batch: 64", "memory: auto", "m.yaml:9:9 E0802"},
      {"batch: 64", "memory: {}", "m.yaml:9:9 E0804"},
      {"batch: 64", "memory: {checkpoint: 0}", "m.yaml:9:22 E0803"},
      {"batch: 64", "memory: {checkpoint: often}", "m.yaml:9:22 E0803"},
      {"batch: 64", "memory: {chekpoint: auto, checkpoint: auto}", "m.yaml:9:10 E0801"},
      {"batch: 64", "schedule: {over: 100}", "m.yaml:9:11 E0804"},
      {"batch: 64", "schedule: {rule: cosin, over: 100}", "m.yaml:9:18 E0805"},
      {"batch: 64", "schedule: {rule: cosine}", "m.yaml:9:11 E0804"},
      {"batch: 64", "schedule: {rule: cosine, over: 0}", "m.yaml:9:32 E0803"},
      {"batch: 64", "schedule: {rule: steps, every: 5, factor: 2}", "m.yaml:9:43 E0803"},
      {"batch: 64", "schedule: {rule: inverse, rate: 1, over: 5}", "m.yaml:9:36 E0801"},
      {"batch: 64", "decoding: {output: y, report: [sequence_error]}", "m.yaml:9:11 E0804"},
      {"batch: 64", "decoding: {output: y, target: z, report: [sequence_error]}", "m.yaml:9:31 E0810"},
      {"batch: 64", "decoding: {output: y, target: target, report: [mse]}", "m.yaml:9:48 E0805"},
      {"batch: 64", "decoding: {output: y, target: target, report: [sequence_error], every: 0}", "m.yaml:9:72 E0803"},
      {"batch: 64", "decoding: {output: y, target: target, report: [sequence_error], often: 2}", "m.yaml:9:65 E0801"},
      {"batch: 64", "decoding: {output: y, target: target, every: 2}", "m.yaml:9:11 E0804"},
      {"batch: 64", "inputs: {target: 1}", "m.yaml:9:10 E0808"},
      {"batch: 64", "rates: [h]", "m.yaml:9:8 E0802"},
      {"batch: 64", "rates: {h: -1}", "m.yaml:9:12 E0803"},
      {"batch: 64", "accumulate: 0", "m.yaml:9:13 E0803"},
      {"seeds: [1, 2, 3]", "seeds: [1, 1]", "m.yaml:13:12 E0808"},
      {"seeds: [1, 2, 3]", "seeds: 1", "m.yaml:13:8 E0802"},
      {"seeds: [1, 2, 3]", "seeds: [-1]", "m.yaml:13:9 E0803"},
      {", variance: 1535", "", "m.yaml:14:10 E0804"},
      {"target: target", "target: targte", "m.yaml:14:30 E0810"},
      {"[mse, arv]", "[mse, arw]", "m.yaml:14:52 E0805"},
      {"folder: runs/sunspots", "folder: ../x", "m.yaml:15:9 E0901"},
      {"file: sunspots.csv", "file: ../data/sunspots.csv", "m.yaml:2:9 E0901"},
      {"file: sunspots.csv", "file: /etc/passwd", "m.yaml:2:9 E0901"},
      {"file: sunspots.csv", "file: sunspot.csv", "m.yaml:2:9 E0806"},
      {"file: sunspots.csv", "delimiter: comma", "m.yaml:2:3 E0804"},
      {"window: 12", "window: 0", "m.yaml:3:11 E0803"},
      {"[sqrt, standard]", "[sqr]", "m.yaml:4:22 E0805"},
      {"[sqrt, standard]", "sqrt", "m.yaml:4:21 E0802"},
      {"{columns: [sunspots]}", "{}", "m.yaml:6:5 E0808"},
      {"{columns: [sunspots]}", "{columns: [a, a]}", "m.yaml:6:22 E0808"},
      {"{columns: [sunspots]}", "{columns: [a], column: b}", "m.yaml:6:5 E0808"},
      {"at: next", "at: nxt", "m.yaml:7:36 E0805"},
      {"[1902, 1920]", "[1902]", "m.yaml:8:58 E0802"},
  };
  for (const Mistake& mistake : mistakes) {
    const Read r = read(with(mistake.line, mistake.instead));
    EXPECT_THAT(r.problems(), ElementsAre(mistake.problem)) << mistake.instead << "\n" << r.messages();
  }
}

TEST(TrainSpec, SchedulesAndRatesAndAccumulation) {
  const TrainSpec spec =
      read(with("batch: 64", "schedule: {rule: linear, over: 100, warmup: 10, last: 0.5}\nrates: {'h.*': 0.1, b: 0}\naccumulate: 4")).spec;
  EXPECT_DOUBLE_EQ(spec.schedule.at(60), 0.75);
  ASSERT_EQ(spec.rates.size(), 2U);
  EXPECT_EQ(spec.rates[0].pattern.name, "h.*");
  EXPECT_EQ(spec.rates[1].factor, 0);
  EXPECT_EQ(spec.accumulate, 4);
}

TEST(TrainSpec, CheckpointsAreOfASizeOrAutomatic) {
  EXPECT_FALSE(read(kGood).spec.checkpoint.has_value());
  EXPECT_EQ(read(with("batch: 64", "memory: {checkpoint: auto}")).spec.checkpoint->positions, 0);
  EXPECT_EQ(read(with("batch: 64", "memory: {checkpoint: 48}")).spec.checkpoint->positions, 48);
}

TEST(TrainSpec, AllMistakesAreReportedAtOnce) {
  const Read r = read("batch: x\nepochs: -1\noptimizer: {name: sgd, beta1: 0.5}\n");
  EXPECT_THAT(r.problems(), ElementsAre("m.yaml:1:1 E0804", "m.yaml:1:8 E0803", "m.yaml:2:9 E0803", "m.yaml:3:24 E0801"));
}

TEST(TrainSpec, UnknownKeysAreMetWithTheNearest) {
  EXPECT_THAT(read(with("batch: 64", "optimiser: {name: sgd}")).messages(), HasSubstr("did you mean 'optimizer'?"));
}

TEST(TrainSpec, ALinkOutOfTheFolderIsRefused) {
  const fs::path folder = fs::temp_directory_path() / ("tapeloop_spec_" + std::to_string(::getpid()));
  fs::create_directories(folder / "model");
  std::ofstream(folder / "outside.csv") << "a\n1\n";
  std::ofstream(folder / "model" / "inside.csv") << "a\n1\n";
  fs::create_symlink(folder / "outside.csv", folder / "model" / "link.csv");
  const DataPlaces places{{(folder / "model").string()}, {}};
  Diagnostics diagnostics;
  DataFile inside;
  inside.file.name = "inside.csv";
  find_data_file(inside, places, diagnostics);
  EXPECT_NE(inside.path, "");
  EXPECT_FALSE(diagnostics.has_errors());
  DataFile link;
  link.file.name = "link.csv";
  find_data_file(link, places, diagnostics);
  EXPECT_EQ(link.path, "");
  EXPECT_TRUE(diagnostics.has_errors());
  fs::remove_all(folder);
}

TEST(TrainSpec, AFileBesideTheModelComesBeforeTheOneInTheProgram) {
  const fs::path folder = fs::temp_directory_path() / ("tapeloop_places_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const DataPlaces places{{folder.string()}, {{"numbers.csv", "a\n1\n"}}};
  Diagnostics diagnostics;
  DataFile data;
  data.file.name = "numbers.csv";
  find_data_file(data, places, diagnostics);
  EXPECT_EQ(data.path, "");
  EXPECT_EQ(read_data_file(data), "a\n1\n");
  std::ofstream(folder / "numbers.csv") << "a\n2\n3\n";
  data.text = {};
  find_data_file(data, places, diagnostics);
  EXPECT_EQ(read_data_file(data), "a\n2\n3\n");
  EXPECT_FALSE(diagnostics.has_errors());
  fs::remove_all(folder);
}

TEST(TrainSpec, ABatchMayBeABucketAndMetricsMayGoBySize) {
  const Read r = read(kGood, {{"batch.examples", "16"}, {"batch.bucket", "t"}, {"metrics.by", "t"}});
  EXPECT_THAT(r.problems(), ElementsAre("command line:1:1 E0809", "command line:2:1 E0809"));  // batch: 64 is no map
  const std::string text = std::regex_replace(kGood, std::regex("\nbatch: [0-9]+"), "\nbatch: {examples: 16, bucket: t}");
  const Read good = read(text, {{"metrics.by", "t"}});
  ASSERT_EQ(good.messages(), "");
  EXPECT_EQ(good.spec.batch, 16);
  EXPECT_EQ(good.spec.bucket.name, "t");
  EXPECT_EQ(good.spec.metrics.at(0).by.name, "t");
}

TEST(Overrides, ReplaceAndAdd) {
  const Read r = read(kGood, {{"optimizer.lr", "1e-3"}, {"epochs", "7"}, {"seeds", "[4, 5]"}});
  ASSERT_EQ(r.messages(), "");
  EXPECT_DOUBLE_EQ(r.spec.optimizer.setting("lr"), 1e-3);
  EXPECT_EQ(r.spec.epochs, 7);
  EXPECT_THAT(r.spec.seeds, ElementsAre(4U, 5U));
}

TEST(Overrides, MayBeMapsAndNamesWithDots) {
  const Read r = read(kGood, {{"rates.encoder.*", "0"},
                              {"rates.h.linear.x", "0.5"},
                              {"schedule", "{rule: cosine, over: 500, last: 0.1}"},
                              {"data.scale", "{sunspots: [sqrt, 'minmax']}"}});
  ASSERT_EQ(r.messages(), "");
  ASSERT_EQ(r.spec.rates.size(), 2U);
  EXPECT_EQ(r.spec.rates[0].pattern.name, "encoder.*");
  EXPECT_EQ(r.spec.rates[1].pattern.name, "h.linear.x");
  EXPECT_EQ(r.spec.schedule.over, 500);
  EXPECT_THAT(r.spec.data.scale[0].steps, ElementsAre(Scaling::kSqrt, Scaling::kMinMax));
  const Read dotted = read(kGood, {{"rates", "{\"a.*\": 0.25, b: 2}"}});
  ASSERT_EQ(dotted.messages(), "");
  EXPECT_EQ(dotted.spec.rates[0].pattern.name, "a.*");
  for (const char* unclosed : {"{a: 1", "{a}", "[1, 2", "{a: [1}", "{a: 1} b"}) {
    EXPECT_THAT(read(kGood, {{"rates", unclosed}}).messages(), HasSubstr("E0802")) << unclosed;
  }
}

TEST(Overrides, AreAsStrictAsTheFile) {
  const Read r = read(kGood, {{"optimizer.lr", "fast"}, {"optimizer.rate", "1"}, {"optimzer.lr", "1"}, {"batch.size", "3"}, {"", "1"}});
  EXPECT_THAT(r.problems(), ElementsAre("command line:1:1 E0803", "command line:2:1 E0801", "command line:3:1 E0801",
                                        "command line:4:1 E0809", "command line:5:1 E0809"));
  EXPECT_THAT(r.messages(), HasSubstr("did you mean 'optimizer'?"));
}

TEST(TrainSpec, CheckpointsAreKeptAsOftenAsAsked) {
  const std::string text = kGood;
  EXPECT_EQ(read(text).spec.checkpoint_times.seconds, 300);
  const Read r = read(text + "checkpoint: {steps: 10, epochs: 2, seconds: 0}\n");
  EXPECT_THAT(r.problems(), ElementsAre());
  EXPECT_EQ(r.spec.checkpoint_times.steps, 10);
  EXPECT_EQ(r.spec.checkpoint_times.epochs, 2);
  EXPECT_EQ(r.spec.checkpoint_times.seconds, 0);
  EXPECT_THAT(read(text + "checkpoint: {minutes: 1}\n").messages(), HasSubstr("E0801"));
  EXPECT_THAT(read(text + "checkpoint: {steps: -1}\n").messages(), HasSubstr("E0803"));
  EXPECT_THAT(read(text + "checkpoint: 5\n").messages(), HasSubstr("E0802"));
}

}  // namespace
}  // namespace tapeloop
