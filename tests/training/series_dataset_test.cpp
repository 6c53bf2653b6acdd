#include "runtime/training/series_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "compiler/frontend/yaml_reader.h"
#include "runtime/training/baselines.h"
#include "runtime/training/metrics.h"

namespace tapeloop {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Ten rows in two groups: a has 1..6, b has 10, 20, 30, 40.
constexpr const char* kTable = R"(day,place,y,sky
1,a,1,sun
1,b,10,rain
2,a,2,sun
2,b,20,fog
3,a,3,rain
3,b,30,sun
4,a,4,fog
4,b,40,rain
5,a,5,sun
6,a,6,sun
)";

struct Made {
  std::optional<SeriesDataset> data;
  Diagnostics diagnostics;

  std::string messages() const {
    std::string text;
    for (const Diagnostic& d : diagnostics.sorted()) text += format(d) + "\n";
    return text;
  }
};

Made make(const std::string& data, const std::string& table_text = kTable) {
  Made made;
  const auto tree = read_yaml("data:\n  file: sunspots.csv\n" + data, std::make_shared<const std::string>("m.yaml"), made.diagnostics);
  const TrainSpec spec = read_train_spec(*tree, {{TAPELOOP_SOURCE_DIR "/models/data"}, {}}, made.diagnostics);
  const CsvTable table = read_csv(table_text, std::make_shared<const std::string>("d.csv"), {}, made.diagnostics);
  made.data.emplace(spec.data, table, made.diagnostics);
  return made;
}

Batch<double> everything(const Dataset& data, Split split) {
  std::vector<std::uint32_t> numbers(data.examples(split));
  std::iota(numbers.begin(), numbers.end(), 0U);
  Batch<double> batch;
  data.fill(split, numbers, batch);
  return batch;
}

TEST(SeriesDataset, WindowsStayInTheirSeriesAndBelongToTheSplitOfTheirTarget) {
  const Made made = make(R"(  group: place
  window: 2
  inputs: {x: {columns: [y]}, target: {column: y, at: next}}
  split: {column: day, train: [1, 4], test: [5, 6]}
)");
  ASSERT_EQ(made.messages(), "");
  const Batch<double> train = everything(*made.data, Split::kTrain);
  EXPECT_THAT(train.inputs.at("x").dims, ElementsAre(4, 2, 1));
  EXPECT_THAT(train.inputs.at("x").data, ElementsAre(1, 2, 2, 3, 10, 20, 20, 30));
  EXPECT_THAT(train.inputs.at("target").dims, ElementsAre(4));
  EXPECT_THAT(train.inputs.at("target").data, ElementsAre(3, 4, 30, 40));
  EXPECT_THAT(train.lengths.at("t"), ElementsAre(2, 2, 2, 2));
  const Batch<double> test = everything(*made.data, Split::kTest);
  EXPECT_THAT(test.inputs.at("x").data, ElementsAre(3, 4, 4, 5));
  EXPECT_THAT(test.inputs.at("target").data, ElementsAre(5, 6));
}

TEST(SeriesDataset, WholeSeriesAreRaggedExamplesWithAMask) {
  const Made made = make(R"(  group: place
  inputs: {x: {columns: [y]}, target: {column: y, at: next}, counts: {mask: true}}
  split: {column: day, train: [1, 3], test: [4, 5]}
)");
  ASSERT_EQ(made.messages(), "");
  const Batch<double> test = everything(*made.data, Split::kTest);
  EXPECT_THAT(test.lengths.at("t"), ElementsAre(4, 3));
  EXPECT_THAT(test.inputs.at("x").dims, ElementsAre(2, 4, 1));
  EXPECT_THAT(test.inputs.at("x").data, ElementsAre(1, 2, 3, 4, 10, 20, 30, 0));
  EXPECT_THAT(test.inputs.at("target").data, ElementsAre(2, 3, 4, 5, 20, 30, 40, 0));
  EXPECT_THAT(test.inputs.at("counts").data, ElementsAre(0, 0, 1, 1, 0, 0, 1, 0));
  const std::vector<std::uint32_t> numbers{0, 1};
  const Dataset::Targets targets = made.data->targets(Split::kTest, numbers, made.data->input("target"));
  EXPECT_THAT(targets.counts, ElementsAre(false, false, true, true, false, false, true, false));
}

TEST(SeriesDataset, CategoriesAreNumbersOrOneHot) {
  const Made made = make(R"(  group: place
  window: 1
  inputs: {sky: {columns: [sky, y], as: one_hot}, id: {column: sky, as: id, at: next}}
  split: {column: day, train: [5, 6]}
)",
                         "day,place,y,sky\n4,a,1,sun\n5,a,2,fog\n6,a,1,rain\n");
  ASSERT_EQ(made.messages(), "");
  EXPECT_THAT(made.data->categories("sky"), ElementsAre("fog", "rain", "sun"));
  const Batch<double> batch = everything(*made.data, Split::kTrain);
  EXPECT_THAT(batch.inputs.at("sky").dims, ElementsAre(2, 1, 5));
  EXPECT_THAT(batch.inputs.at("sky").data, ElementsAre(0, 0, 1, 1, 0, 1, 0, 0, 0, 1));
  EXPECT_THAT(batch.inputs.at("id").data, ElementsAre(0, 1));
}

TEST(SeriesDataset, ScalingCountsTheTrainingRowsAlone) {
  const Made made = make(R"(  window: 1
  scale: {y: [standard]}
  inputs: {x: {columns: [y]}, target: {column: y, at: next}}
  split: {column: k, train: [1, 2], test: [3, 4]}
)",
                         "k,y\n1,2\n2,4\n3,100\n4,1000\n");
  ASSERT_EQ(made.messages(), "");
  EXPECT_THAT(everything(*made.data, Split::kTest).inputs.at("target").data, ElementsAre(97, 997));
  EXPECT_DOUBLE_EQ(made.data->original(made.data->input("target"), 0, 997), 1000);
}

TEST(SeriesDataset, DatesSplitAsText) {
  const Made made = make(R"(  window: 1
  inputs: {x: {columns: [y]}}
  split: {column: date, train: [2012-01-01, 2012-12-31], test: [2013-01-01, 2013-12-31]}
)",
                         "date,y\n2012-06-01,1\n2012-12-31,2\n2013-01-01,3\n2013-02-01,4\n");
  ASSERT_EQ(made.messages(), "");
  EXPECT_EQ(made.data->examples(Split::kTrain), 1U);
  EXPECT_EQ(made.data->examples(Split::kTest), 2U);
}

TEST(SeriesDataset, ABatchMayBeAnyExamplesAndUsesItsMemoryAgain) {
  const Made made = make("  window: 2\n  inputs: {x: {columns: [y]}}\n", "y\n1\n2\n3\n4\n5\n");
  Batch<float> batch;
  made.data->fill(Split::kTrain, std::vector<std::uint32_t>{2, 0}, batch);
  EXPECT_THAT(batch.inputs.at("x").data, ElementsAre(3, 4, 1, 2));
  const float* before = batch.inputs.at("x").data.data();
  made.data->fill(Split::kTrain, std::vector<std::uint32_t>{1}, batch);
  EXPECT_THAT(batch.inputs.at("x").data, ElementsAre(2, 3));
  EXPECT_EQ(batch.inputs.at("x").data.data(), before);
}

struct Mistake {
  const char* data;
  const char* says;
};

TEST(SeriesDataset, MistakesAreNamed) {
  const std::vector<Mistake> mistakes{
      {"  inputs: {x: {columns: [yy]}}\n", "m.yaml:3:26: error E0811: the data file has no column 'yy'; did you mean 'y'?"},
      {"  group: plce\n  inputs: {x: {columns: [y]}}\n", "E0811: the data file has no column 'plce'; did you mean 'place'?"},
      {"  inputs: {x: {columns: [sky]}}\n", "d.csv:2:7: error E0752: column 'sky': expected a finite number, found 'sun'"},
      {"  inputs: {x: {columns: [y]}}\n  split: {column: day, train: [1, 3], test: [3, 4]}\n",
       "E0807: train.data.split.test overlaps with train"},
      {"  inputs: {x: {columns: [y]}}\n  split: {column: day, train: [3, 1]}\n",
       "E0807: train.data.split.train ends (1) before it starts (3)"},
      {"  inputs: {x: {columns: [y]}}\n  split: {column: day, train: [1, 3], test: [8, 9]}\n",
       "E0812: train.data gives no example for the split test"},
      {"  window: 99\n  inputs: {x: {columns: [y]}}\n", "E0812: train.data gives no example for the split train"},
      {"  scale: {day: [sqrt]}\n  inputs: {x: {columns: [y]}}\n", "E0808: train.data.scale has 'day', which no input reads"},
  };
  for (const Mistake& mistake : mistakes) EXPECT_THAT(make(mistake.data).messages(), HasSubstr(mistake.says));
  EXPECT_THAT(make("  scale: {y: [sqrt]}\n  inputs: {x: {columns: [y]}}\n", "y\n1\n-2\n").messages(), HasSubstr("d.csv:3:1: error E0813"));
}

TEST(Scale, ComesBack) {
  const std::vector<double> training{5, 11, 16, 23, 190};
  for (const auto& steps : std::vector<std::vector<Scaling>>{{},
                                                             {Scaling::kSqrt},
                                                             {Scaling::kStandard},
                                                             {Scaling::kMinMax},
                                                             {Scaling::kSqrt, Scaling::kStandard},
                                                             {Scaling::kSqrt, Scaling::kMinMax}}) {
    const Scale scale(steps, training);
    for (const double y : {0.0, 7.0, 190.2}) EXPECT_NEAR(scale.invert(scale.apply(y)), y, 1e-12);
  }
  EXPECT_DOUBLE_EQ(Scale({Scaling::kSqrt}, training).apply(8), 4);
  EXPECT_DOUBLE_EQ(Scale({Scaling::kMinMax}, training).apply(190), 1);
}

TEST(Metrics, AreWhatTheyAreDefinedToBe) {
  MetricSums sums;
  sums.add(1, 4);
  sums.add(2, 1);
  sums.add_class(std::vector<double>{0.1, 0.7, 0.7}, 1);  // of equals the first
  sums.add_class(std::vector<double>{0.4}, 1);
  const MetricsSpec spec{{}, {}, {Metric::kMse, Metric::kMae, Metric::kRmse, Metric::kArv, Metric::kAccuracy}, {}, 10};
  const NamedNumbers results = sums.results(spec);
  EXPECT_DOUBLE_EQ(results[0].second, 5);
  EXPECT_DOUBLE_EQ(results[1].second, 2);
  EXPECT_DOUBLE_EQ(results[2].second, std::sqrt(5.0));
  EXPECT_DOUBLE_EQ(results[3].second, 0.5);
  EXPECT_DOUBLE_EQ(results[4].second, 0.5);
  sums.add_example(3);
  sums.add_example(4);
  EXPECT_DOUBLE_EQ(sums.results({{}, {}, {Metric::kExampleSum}, {}, 0})[0].second, 3.5);
  EXPECT_TRUE(std::isnan(MetricSums().results(spec)[0].second));
}

// The published ways to forecast the sunspot number, on the file that comes with Tapeloop; row k is the year 1700 + k.
// Trained on targets 1712-1920, ARV = mean squared error / 1535 on 1921-1955 (Weigend, Huberman & Rumelhart 1990).
TEST(Baselines, SunspotsAsPublished) {
  Diagnostics diagnostics;
  DataSpec spec;
  spec.parts = {{"", {DataFile{}}}};
  spec.parts[0].files[0].path = TAPELOOP_SOURCE_DIR "/models/data/sunspots.csv";
  const CsvTable table = read_table(spec, diagnostics);
  const std::vector<double> series = table.numbers(*table.column("sunspots"), diagnostics);
  ASSERT_FALSE(diagnostics.has_errors());
  ASSERT_EQ(series.size(), 309U);
  EXPECT_NEAR(persistence_error(series, 221, 255) / 1535, 0.416, 5e-4);
  EXPECT_NEAR(fit_auto_regression(series, 2, 12, 220).error(series, 221, 255) / 1535, 0.182, 5e-4);
  EXPECT_NEAR(fit_auto_regression(series, 12, 12, 220).error(series, 221, 255) / 1535, 0.126, 5e-4);
}

TEST(Baselines, FindAnExactRecurrence) {
  std::vector<double> fibonacci{0, 1};
  for (int k = 0; k < 15; ++k) fibonacci.push_back(fibonacci[fibonacci.size() - 1] + fibonacci[fibonacci.size() - 2] + 1);
  const AutoRegression fit = fit_auto_regression(fibonacci, 2, 2, 16);
  EXPECT_NEAR(fit.constant, 1, 1e-8);
  EXPECT_NEAR(fit.weights[0], 1, 1e-8);
  EXPECT_NEAR(fit.weights[1], 1, 1e-8);
}

}  // namespace
}  // namespace tapeloop
