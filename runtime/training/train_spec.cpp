#include "runtime/training/train_spec.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "runtime/training/file_below.h"
#include "runtime/training/name_pattern.h"
#include "runtime/training/start_weights.h"
#include "runtime/training/tree_reader.h"

namespace tapeloop {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kMany = std::int64_t{1} << 40;
constexpr std::int64_t kMostThreads = 1024;

const std::vector<std::string> kMetrics{"mse", "mae", "rmse", "arv", "accuracy", "example_sum"};

class Reader {
 public:
  Reader(const DataPlaces& places, Diagnostics& diagnostics) : places_(places), diagnostics_(diagnostics) {}

  void read(const Tree& tree, TrainSpec& spec) {
    MapReader map(tree, "train", diagnostics_);
    map.allow({"data",           "batch",      "epochs", "shuffle", "optimizer", "schedule", "rates",      "start",
               "inputs",         "accumulate", "clip",   "average", "memory",    "truncate", "checkpoint", "on_nonfinite",
               "early_stopping", "seed",       "seeds",  "metrics", "decoding",  "folder",   "threads"});
    if (const Tree* data = map.require("data")) spec.data = read_data_spec(*data, places_, diagnostics_);
    if (const Tree* batch = map.find("batch")) read_batch(*batch, spec);
    spec.epochs = map.whole("epochs", 0, kMany).value_or(spec.epochs);
    spec.threads = static_cast<int>(map.whole("threads", 0, kMostThreads).value_or(spec.threads));
    spec.shuffle = map.flag("shuffle").value_or(spec.shuffle);
    if (const Tree* optimizer = map.find("optimizer")) read_optimizer(*optimizer, spec.optimizer);
    if (const Tree* schedule = map.find("schedule")) read_schedule(*schedule, spec.schedule);
    if (const Tree* rates = map.find("rates")) read_rates(*rates, spec);
    if (const Tree* start = map.find("start")) spec.start = read_start(*start, diagnostics_);
    if (const Tree* inputs = map.find("inputs")) spec.inputs = read_scheduled_inputs(*inputs, spec.data, diagnostics_);
    spec.accumulate = map.whole("accumulate", 1, kMany).value_or(1);
    if (const Tree* clip = map.find("clip")) read_clip(*clip, spec);
    spec.average = map.number("average", 0, 1, true).value_or(0);
    if (const Tree* memory = map.find("memory")) read_memory(*memory, spec);
    if (const Tree* truncate = map.find("truncate")) read_truncate(*truncate, spec);
    if (const Tree* checkpoint = map.find("checkpoint")) read_checkpoint_times(*checkpoint, spec.checkpoint_times);
    spec.skips_nonfinite = map.word("on_nonfinite", {"stop", "skip"}).value_or(0) == 1;
    if (const Tree* stopping = map.find("early_stopping")) read_early_stopping(*stopping, spec);
    read_seeds(map, spec);
    if (const Tree* metrics = map.find("metrics")) read_all_metrics(*metrics, spec);
    if (const Tree* decoding = map.find("decoding")) read_decoding(*decoding, spec);
    if (map.has("folder")) read_folder(map, spec);
  }

 private:
  void read_batch(const Tree& tree, TrainSpec& spec) {
    if (!tree.is_map()) {
      spec.batch = read_whole(tree, "train.batch", 1, kMany, diagnostics_).value_or(spec.batch);
      return;
    }
    MapReader map(tree, "train.batch", diagnostics_);
    map.allow({"examples", "bucket"});
    map.require("examples");
    spec.batch = map.whole("examples", 1, kMany).value_or(spec.batch);
    if (const Tree* bucket = map.require("bucket")) spec.bucket = read_name(*bucket, "train.batch.bucket", diagnostics_);
  }

  void read_optimizer(const Tree& tree, OptimizerSpec& optimizer) {
    MapReader map(tree, "train.optimizer", diagnostics_);
    const std::vector<OptimizerRule>& rules = optimizer_rules();
    std::vector<std::string> known;
    for (const OptimizerRule& rule : rules) known.push_back(rule.name);
    if (!map.require("name")) return;
    const auto at = map.word("name", known);
    if (!at) return;
    optimizer.name = rules[*at].name;
    std::vector<std::string> keys{"name"};
    for (const OptimizerSetting& setting : rules[*at].settings) {
      keys.push_back(setting.name);
      const auto value = map.number(setting.name, setting.least, setting.below, true);
      if (value) optimizer.settings.emplace_back(setting.name, *value);
    }
    map.allow(keys);
  }

  // A setting that the rule does not have is an unknown key.
  void read_schedule(const Tree& tree, Schedule& schedule) {
    MapReader map(tree, "train.schedule", diagnostics_);
    if (!map.require("rule")) return;
    const auto rule = map.word("rule", schedule_rules());
    if (!rule) return;
    schedule.rule = static_cast<Schedule::Rule>(*rule);
    std::vector<std::string> keys{"rule", "warmup"};
    schedule.warmup = map.whole("warmup", 0, kMany).value_or(0);
    const auto needs = [&](const char* key) {
      keys.emplace_back(key);
      return map.require(key) != nullptr;
    };
    switch (schedule.rule) {
      case Schedule::Rule::kConstant:
        break;
      case Schedule::Rule::kLinear:
      case Schedule::Rule::kCosine:
        if (needs("over")) schedule.over = map.whole("over", 1, kMany).value_or(1);
        keys.emplace_back("last");
        schedule.last = map.number("last", 0, 1).value_or(0);
        break;
      case Schedule::Rule::kExponential:
      case Schedule::Rule::kSteps:
        if (needs("factor")) schedule.factor = map.number("factor", 0, 1).value_or(1);
        if (needs("every")) schedule.every = map.whole("every", 1, kMany).value_or(1);
        break;
      case Schedule::Rule::kInverse:
        if (needs("rate")) schedule.rate = map.number("rate", 0, kInfinity).value_or(0);
        break;
    }
    map.allow(keys);
  }

  void read_rates(const Tree& tree, TrainSpec& spec) {
    const MapReader check(tree, "train.rates", diagnostics_);
    for (const Tree::Entry& entry : tree.map) {
      const std::string path = "train.rates." + entry.key;
      const auto factor = read_number(entry.value, path, diagnostics_);
      if (factor && !(*factor >= 0 && *factor < kInfinity)) {
        diagnostics_.error("E0803", entry.value.source, path + ": expected a factor of the learning rate, from 0 on");
      }
      spec.rates.push_back({{entry.key, entry.source}, factor.value_or(1)});
    }
  }

  void read_clip(const Tree& tree, TrainSpec& spec) {
    MapReader map(tree, "train.clip", diagnostics_);
    map.allow({"norm", "value"});
    const auto positive = [&](const char* key, double& to) {
      const auto value = map.number(key, 0, kInfinity);
      if (value && *value == 0) diagnostics_.error("E0803", map.find(key)->source, map.path(key) + ": expected a number above 0, found 0");
      to = value.value_or(0);
    };
    positive("norm", spec.clip_norm);
    positive("value", spec.clip_value);
    if (tree.is_map() && !map.has("norm") && !map.has("value")) {
      diagnostics_.error("E0804", tree.source, "train.clip needs norm or value", "write clip: {norm: 1}");
    }
  }

  void read_memory(const Tree& tree, TrainSpec& spec) {
    MapReader map(tree, "train.memory", diagnostics_);
    map.allow({"checkpoint"});
    const Tree* checkpoint = map.require("checkpoint");
    if (!checkpoint) return;
    spec.checkpoint = Checkpoint{0, checkpoint->source};
    if (checkpoint->is_scalar() && checkpoint->scalar == "auto") return;
    spec.checkpoint->positions = map.whole("checkpoint", 1, kMany).value_or(0);
  }

  void read_truncate(const Tree& tree, TrainSpec& spec) {
    MapReader map(tree, "train.truncate", diagnostics_);
    map.allow({"every", "back"});
    Truncate truncate{1, 1, tree.source};
    if (map.require("every")) truncate.every = map.whole("every", 1, kMany).value_or(1);
    truncate.back = map.whole("back", 1, kMany).value_or(truncate.every);
    if (map.has("back") && truncate.back < truncate.every) {
      diagnostics_.error("E0808", tree.source,
                         "train.truncate: losses of the last " + std::to_string(truncate.every) +
                             " positions cannot go back through fewer, " + std::to_string(truncate.back),
                         "write back: " + std::to_string(truncate.every) + " or more");
    }
    if (spec.checkpoint || spec.accumulate > 1) {
      diagnostics_.error("E0808", tree.source,
                         std::string("train.truncate makes a step of a few positions; ") +
                             (spec.checkpoint ? "train.memory.checkpoint" : "train.accumulate") + " is for steps of whole batches",
                         "leave one of them out");
    }
    spec.truncate = truncate;
  }

  void read_checkpoint_times(const Tree& tree, CheckpointTimes& times) {
    MapReader map(tree, "train.checkpoint", diagnostics_);
    map.allow({"steps", "epochs", "seconds"});
    times.steps = map.whole("steps", 0, kMany).value_or(0);
    times.epochs = map.whole("epochs", 0, kMany).value_or(0);
    times.seconds = map.number("seconds", 0, kInfinity).value_or(times.seconds);
  }

  void read_early_stopping(const Tree& tree, TrainSpec& spec) {
    const bool has_validation = !spec.data.split.ranges[static_cast<std::size_t>(Split::kValidation)].empty();
    MapReader map(tree, "train.early_stopping", diagnostics_);
    map.allow({"patience", "on", "least"});
    EarlyStopping stopping;
    map.require("patience");
    stopping.patience = map.whole("patience", 1, kMany).value_or(1);
    stopping.on = map.word("on", {"train", "validation"}).value_or(1) == 0 ? Split::kTrain : Split::kValidation;
    stopping.least = map.number("least", 0, kInfinity).value_or(0);
    if (stopping.on == Split::kValidation && !has_validation) {
      diagnostics_.error("E0808", tree.source, "train.early_stopping watches the validation split, and train.data.split has none",
                         "add validation: [first, last] to train.data.split");
    }
    spec.early_stopping = stopping;
  }

  void read_seeds(MapReader& map, TrainSpec& spec) {
    if (map.has("seed") && map.has("seeds")) {
      diagnostics_.error("E0808", map.find("seed")->source, "train has both seed and seeds", "leave one of them out");
    }
    if (const auto seed = map.whole("seed", 0, kMany)) spec.seeds = {static_cast<std::uint64_t>(*seed)};
    const Tree* seeds = map.find("seeds");
    if (!seeds) return;
    spec.seeds.clear();
    for (const NamedAt& item : read_names(*seeds, "train.seeds", diagnostics_)) {
      const Tree scalar{Tree::Kind::kScalar, item.source, item.name, {}, {}};
      const auto seed = read_whole(scalar, "train.seeds", 0, kMany, diagnostics_);
      spec.seeds.push_back(static_cast<std::uint64_t>(seed.value_or(0)));
    }
  }

  void read_all_metrics(const Tree& tree, TrainSpec& spec) {
    if (!tree.is_list()) return read_metrics(tree, spec);
    for (const Tree* item : read_list(tree, "train.metrics", diagnostics_)) {
      read_metrics(*item, spec);
      const NamedAt& output = spec.metrics.back().output;
      for (std::size_t k = 0; k + 1 < spec.metrics.size(); ++k) {
        if (output.name.empty() || spec.metrics[k].output.name != output.name) continue;
        diagnostics_.error("E0808", output.source, "train.metrics: '" + output.name + "' is there twice",
                           "one map reports several metrics");
      }
    }
  }

  void read_metrics(const Tree& tree, TrainSpec& spec) {
    MapReader map(tree, "train.metrics", diagnostics_);
    map.allow({"output", "target", "report", "variance", "by"});
    MetricsSpec metrics;
    if (const Tree* output = map.require("output")) metrics.output = read_name(*output, "train.metrics.output", diagnostics_);
    if (const Tree* report = map.require("report")) {
      for (const Tree* item : read_list(*report, "train.metrics.report", diagnostics_)) {
        if (const auto at = read_word(*item, "train.metrics.report", kMetrics, diagnostics_)) {
          metrics.report.push_back(static_cast<Metric>(*at));
        }
      }
    }
    const auto others = std::count_if(metrics.report.begin(), metrics.report.end(), [](Metric m) { return m != Metric::kExampleSum; });
    if (others > 0) map.require("target");
    if (const Tree* target = map.find("target")) metrics.target = read_name(*target, "train.metrics.target", diagnostics_);
    if (others == 0 && map.has("target")) {
      diagnostics_.error("E0808", metrics.target.source, "train.metrics.target: example_sum holds the output against nothing");
    }
    if (const Tree* by = map.find("by")) metrics.by = read_name(*by, "train.metrics.by", diagnostics_);
    metrics.variance = map.number("variance", 0, kInfinity).value_or(0);
    const bool arv = std::find(metrics.report.begin(), metrics.report.end(), Metric::kArv) != metrics.report.end();
    if (arv && metrics.variance == 0) {
      diagnostics_.error("E0804", tree.source, "train.metrics: arv needs the variance that it divides by", "add variance: ..");
    }
    check_target("train.metrics.target", metrics.target, spec.data);
    spec.metrics.push_back(std::move(metrics));
  }

  void read_decoding(const Tree& tree, TrainSpec& spec) {
    MapReader map(tree, "train.decoding", diagnostics_);
    map.allow({"output", "target", "report", "every"});
    DecodingSpec decoding;
    if (const Tree* output = map.require("output")) decoding.output = read_name(*output, "train.decoding.output", diagnostics_);
    if (const Tree* target = map.require("target")) decoding.target = read_name(*target, "train.decoding.target", diagnostics_);
    if (const Tree* report = map.find("report")) {
      for (const Tree* item : read_list(*report, "train.decoding.report", diagnostics_)) {
        if (read_word(*item, "train.decoding.report", {"sequence_error"}, diagnostics_)) {
          decoding.report.push_back(DecodingMetric::kSequenceError);
        }
      }
    }
    decoding.every = map.whole("every", 1, kMany).value_or(0);
    if (map.has("every")) map.require("report");
    check_target("train.decoding.target", decoding.target, spec.data);
    spec.decoding = std::move(decoding);
  }

  void check_target(const std::string& path, const NamedAt& named, const DataSpec& data) {
    std::vector<std::string> inputs;
    for (const DataInput& input : data.inputs) inputs.push_back(input.input.name);
    const std::string& target = named.name;
    if (target.empty() || inputs.empty() || std::find(inputs.begin(), inputs.end(), target) != inputs.end()) return;
    diagnostics_.error("E0810", named.source, path + ": '" + target + "' is not among train.data.inputs" + did_you_mean(target, inputs));
  }

  void read_folder(MapReader& map, TrainSpec& spec) {
    spec.folder = map.text("folder").value_or("");
    const std::filesystem::path path(spec.folder);
    const bool out = path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end();
    if (!out) return;
    diagnostics_.error("E0901", map.find("folder")->source, "train.folder: '" + spec.folder + "' leads out of the current folder",
                       "name a folder below it, such as runs/" + path.filename().string());
  }

  const DataPlaces& places_;
  Diagnostics& diagnostics_;
};

}  // namespace

double rate_of(const std::vector<RateOf>& rates, std::string_view parameter) {
  const auto fits = [&](const RateOf& rate) { return matches(rate.pattern.name, parameter); };
  const auto rate = std::find_if(rates.begin(), rates.end(), fits);
  return rate == rates.end() ? 1 : rate->factor;
}

const char* metric_name(Metric metric) { return kMetrics[static_cast<std::size_t>(metric)].c_str(); }

TrainSpec read_train_spec(const Tree& train, const DataPlaces& places, Diagnostics& diagnostics) {
  TrainSpec spec;
  Reader(places, diagnostics).read(train, spec);
  find_start_files(spec.start, places.folders, diagnostics);
  return spec;
}

}  // namespace tapeloop
