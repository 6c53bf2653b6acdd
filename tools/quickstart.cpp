// tapeloop quickstart: the sunspot model, three seeds, beside what needs no network.
#include <fmt/format.h>

#include <algorithm>

#include "models/facade/train.h"
#include "runtime/training/baselines.h"
#include "runtime/training/csv.h"
#include "runtime/training/series_dataset.h"
#include "tools/commands.h"
#include "tools/report.h"
#include "tools/training_lines.h"

namespace tapeloop::tool {
namespace {

// The yearly figures and where the parts of them begin and end, as positions in the series.
struct Series {
  std::vector<double> years, values;

  std::size_t at(double year) const { return static_cast<std::size_t>(std::find(years.begin(), years.end(), year) - years.begin()); }
};

Series read_series(const DataSpec& spec) {
  Diagnostics diagnostics;
  const CsvTable table = read_table(spec, diagnostics);
  Series series;
  if (!diagnostics.has_errors()) {
    series.years = table.numbers(*table.column("year"), diagnostics);
    series.values = table.numbers(*table.column("sunspots"), diagnostics);
  }
  raise_errors(diagnostics);
  return series;
}

constexpr std::size_t kOrder = 12;
constexpr double kFitFirst = 1712, kFitLast = 1920, kTestFirst = 1921, kTestLast = 1955;
constexpr double kVariance = 1535;  // of the whole series, as the literature has it

}  // namespace

int quickstart_command(bool json) {
  const Training training(Model::load("sunspots"));
  print_note("training the sunspot model, one GRU for each of three seeds");
  catch_signals();
  ProgressLine line;
  TrainingOptions options = watched(line, training.spec().seeds.size());
  options.asked.model = "sunspots";
  options.folder = "runs/quickstart";
  options.overwrite = true;
  const TrainingReport report = training.run(options);
  line.finish();
  if (report.interrupted) return 128 + caught_signal();

  double mean = 0;
  std::string each;
  for (const Outcome& outcome : report.outcomes) {
    const double arv = number_named(outcome.test, "arv");
    mean += arv / static_cast<double>(report.outcomes.size());
    each += fmt::format("{}{:.3f}", each.empty() ? "" : ", ", arv);
  }
  const Series series = read_series(training.spec().data);
  const std::size_t first = series.at(kTestFirst), last = series.at(kTestLast);
  const double persistence = persistence_error(series.values, first, last) / kVariance;
  const AutoRegression regression = fit_auto_regression(series.values, kOrder, series.at(kFitFirst), series.at(kFitLast));
  const double classical = regression.error(series.values, first, last) / kVariance;
  if (json) {
    print_result(fmt::format("{{\"arv\": {:.6f}, \"seeds\": [{}], \"persistence\": {:.6f}, \"ar12\": {:.6f}, \"seconds\": {:.3f}}}", mean,
                             each, persistence, classical, report.seconds));
    return kDone;
  }
  print_result(fmt::format("\nSunspots, one year ahead, 1921-1955. ARV = mean squared error / {:.0f}: less is better.\n\n", kVariance) +
               table({{"forecast", "ARV", ""},
                      {"GRU, mean of 3 seeds", fmt::format("{:.3f}", mean), "(" + each + ")"},
                      {"AR(12), least squares", fmt::format("{:.3f}", classical), ""},
                      {"persistence", fmt::format("{:.3f}", persistence), ""}}) +
               fmt::format("\ntrained in {:.1f} s; weights in {}\n"
                           "what the compiler made of the equations:  build/tapeloop plan sunspots\n",
                           report.seconds, report.folder));
  return kDone;
}

}  // namespace tapeloop::tool
