#include "runtime/training/train_spec.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "runtime/training/file_below.h"
#include "runtime/training/start_weights.h"
#include "runtime/training/tree_reader.h"

namespace tapeloop {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kMany = std::int64_t{1} << 40;
constexpr std::int64_t kMostThreads = 1024;

const std::vector<std::string> kScalings{"sqrt", "standard", "minmax"};
const std::vector<std::string> kReadings{"number", "id", "one_hot"};
const std::vector<std::string> kMetrics{"mse", "mae", "rmse", "arv", "accuracy"};
const std::vector<std::string> kSplitNames{"train", "validation", "test"};

class Reader {
 public:
  explicit Reader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  void read(const Tree& tree, TrainSpec& spec) {
    MapReader map(tree, "train", diagnostics_);
    map.allow({"data", "batch", "epochs", "shuffle", "optimizer", "schedule", "rates", "start", "accumulate", "clip", "average", "memory",
               "early_stopping", "seed", "seeds", "metrics", "folder", "threads"});
    if (const Tree* data = map.require("data")) read_data(*data, spec.data);
    spec.batch = map.whole("batch", 1, kMany).value_or(spec.batch);
    spec.epochs = map.whole("epochs", 0, kMany).value_or(spec.epochs);
    spec.threads = static_cast<int>(map.whole("threads", 0, kMostThreads).value_or(spec.threads));
    spec.shuffle = map.flag("shuffle").value_or(spec.shuffle);
    if (const Tree* optimizer = map.find("optimizer")) read_optimizer(*optimizer, spec.optimizer);
    if (const Tree* schedule = map.find("schedule")) read_schedule(*schedule, spec.schedule);
    if (const Tree* rates = map.find("rates")) read_rates(*rates, spec);
    if (const Tree* start = map.find("start")) spec.start = read_start(*start, diagnostics_);
    spec.accumulate = map.whole("accumulate", 1, kMany).value_or(1);
    if (const Tree* clip = map.find("clip")) read_clip(*clip, spec);
    spec.average = map.number("average", 0, 1, true).value_or(0);
    if (const Tree* memory = map.find("memory")) read_memory(*memory, spec);
    if (const Tree* stopping = map.find("early_stopping")) read_early_stopping(*stopping, spec);
    read_seeds(map, spec);
    if (const Tree* metrics = map.find("metrics")) read_metrics(*metrics, spec);
    if (map.has("folder")) read_folder(map, spec);
  }

 private:
  NamedAt named(const Tree& tree, const std::string& path) { return {read_text(tree, path, diagnostics_).value_or(""), tree.source}; }

  std::vector<NamedAt> names(const Tree& tree, const std::string& path) {
    std::vector<NamedAt> result;
    for (const Tree* item : read_list(tree, path, diagnostics_)) {
      NamedAt name = named(*item, path);
      const bool twice = std::any_of(result.begin(), result.end(), [&](const NamedAt& other) { return other.name == name.name; });
      if (twice) diagnostics_.error("E0808", item->source, path + " has '" + name.name + "' twice");
      result.push_back(std::move(name));
    }
    if (tree.is_list() && result.empty()) diagnostics_.error("E0802", tree.source, path + ": the list is empty");
    return result;
  }

  void read_data(const Tree& tree, DataSpec& data) {
    MapReader map(tree, "train.data", diagnostics_);
    map.allow({"file", "delimiter", "header", "group", "window", "axis", "scale", "inputs", "split"});
    data.source = tree.source;
    if (const Tree* file = map.require("file")) data.file = named(*file, "train.data.file");
    if (const auto at = map.word("delimiter", {"comma", "semicolon", "tab"})) data.delimiter = ",;\t"[*at];
    if (const Tree* header = map.find("header")) {
      for (const NamedAt& name : names(*header, "train.data.header")) data.header.push_back(name.name);
    }
    if (const Tree* group = map.find("group")) data.group = named(*group, "train.data.group");
    data.window = map.whole("window", 1, kMany).value_or(0);
    data.window_source = map.has("window") ? map.find("window")->source : tree.source;
    data.axis = map.text("axis").value_or(data.axis);
    if (const Tree* scale = map.find("scale")) read_scale(*scale, data);
    if (const Tree* inputs = map.require("inputs")) {
      const MapReader check(*inputs, "train.data.inputs", diagnostics_);
      for (const Tree::Entry& entry : inputs->map) data.inputs.push_back(read_input(entry));
    }
    if (const Tree* split = map.find("split")) read_split(*split, data);
  }

  void read_scale(const Tree& tree, DataSpec& data) {
    const MapReader check(tree, "train.data.scale", diagnostics_);
    for (const Tree::Entry& entry : tree.map) {
      const std::string path = "train.data.scale." + entry.key;
      ColumnScale scale{{entry.key, entry.source}, {}};
      for (const Tree* item : read_list(entry.value, path, diagnostics_)) {
        if (const auto at = read_word(*item, path, kScalings, diagnostics_)) scale.steps.push_back(static_cast<Scaling>(*at));
      }
      data.scale.push_back(std::move(scale));
    }
  }

  DataInput read_input(const Tree::Entry& entry) {
    const std::string path = "train.data.inputs." + entry.key;
    MapReader map(entry.value, path, diagnostics_);
    map.allow({"columns", "column", "as", "at", "mask"});
    DataInput input;
    input.input = {entry.key, entry.source};
    input.mask = map.flag("mask").value_or(false);
    const int sources = map.has("columns") + map.has("column") + input.mask;
    if (entry.value.is_map() && sources != 1) {
      diagnostics_.error("E0808", entry.source, path + " needs exactly one of columns, column and mask: true");
    }
    if (const Tree* columns = map.find("columns")) input.columns = names(*columns, path + ".columns");
    if (const Tree* column = map.find("column")) input.columns = {named(*column, path + ".column")};
    input.as = static_cast<ReadAs>(map.word("as", kReadings).value_or(0));
    input.scalar = input.mask || (map.has("column") && input.as != ReadAs::kOneHot);
    input.next = map.word("at", {"window", "next"}).value_or(0) == 1;
    return input;
  }

  void read_split(const Tree& tree, DataSpec& data) {
    MapReader map(tree, "train.data.split", diagnostics_);
    map.allow({"column", "train", "validation", "test"});
    if (const Tree* column = map.require("column")) data.split_column = named(*column, "train.data.split.column");
    map.require("train");
    for (std::size_t k = 0; k < kSplitNames.size(); ++k) {
      const Tree* range = map.find(kSplitNames[k]);
      if (!range) continue;
      has_validation_ = has_validation_ || kSplits[k] == Split::kValidation;
      const std::string path = "train.data.split." + kSplitNames[k];
      const std::vector<const Tree*> ends = read_list(*range, path, diagnostics_);
      if (ends.size() == 2) {
        data.splits[k] = SplitRange{named(*ends[0], path).name, named(*ends[1], path).name, range->source};
      } else if (range->is_list()) {
        diagnostics_.error("E0802", range->source, path + ": expected [first, last], found " + std::to_string(ends.size()) + " values");
      }
    }
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

  void read_early_stopping(const Tree& tree, TrainSpec& spec) {
    MapReader map(tree, "train.early_stopping", diagnostics_);
    map.allow({"patience", "on", "least"});
    EarlyStopping stopping;
    map.require("patience");
    stopping.patience = map.whole("patience", 1, kMany).value_or(1);
    stopping.on = map.word("on", {"train", "validation"}).value_or(1) == 0 ? Split::kTrain : Split::kValidation;
    stopping.least = map.number("least", 0, kInfinity).value_or(0);
    if (stopping.on == Split::kValidation && !has_validation_) {
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
    for (const NamedAt& item : names(*seeds, "train.seeds")) {
      const Tree scalar{Tree::Kind::kScalar, item.source, item.name, {}, {}};
      const auto seed = read_whole(scalar, "train.seeds", 0, kMany, diagnostics_);
      spec.seeds.push_back(static_cast<std::uint64_t>(seed.value_or(0)));
    }
  }

  void read_metrics(const Tree& tree, TrainSpec& spec) {
    MapReader map(tree, "train.metrics", diagnostics_);
    map.allow({"output", "target", "report", "variance"});
    MetricsSpec metrics;
    if (const Tree* output = map.require("output")) metrics.output = named(*output, "train.metrics.output");
    if (const Tree* target = map.require("target")) metrics.target = named(*target, "train.metrics.target");
    if (const Tree* report = map.require("report")) {
      for (const Tree* item : read_list(*report, "train.metrics.report", diagnostics_)) {
        if (const auto at = read_word(*item, "train.metrics.report", kMetrics, diagnostics_)) {
          metrics.report.push_back(static_cast<Metric>(*at));
        }
      }
    }
    metrics.variance = map.number("variance", 0, kInfinity).value_or(0);
    const bool arv = std::find(metrics.report.begin(), metrics.report.end(), Metric::kArv) != metrics.report.end();
    if (arv && metrics.variance == 0) {
      diagnostics_.error("E0804", tree.source, "train.metrics: arv needs the variance that it divides by", "add variance: ..");
    }
    check_target(metrics, spec.data);
    spec.metrics = std::move(metrics);
  }

  void check_target(const MetricsSpec& metrics, const DataSpec& data) {
    std::vector<std::string> inputs;
    for (const DataInput& input : data.inputs) inputs.push_back(input.input.name);
    const std::string& target = metrics.target.name;
    if (target.empty() || inputs.empty() || std::find(inputs.begin(), inputs.end(), target) != inputs.end()) return;
    diagnostics_.error("E0810", metrics.target.source,
                       "train.metrics.target: '" + target + "' is not among train.data.inputs" + did_you_mean(target, inputs));
  }

  void read_folder(MapReader& map, TrainSpec& spec) {
    spec.folder = map.text("folder").value_or("");
    const std::filesystem::path path(spec.folder);
    const bool out = path.is_absolute() || std::find(path.begin(), path.end(), "..") != path.end();
    if (!out) return;
    diagnostics_.error("E0901", map.find("folder")->source, "train.folder: '" + spec.folder + "' leads out of the current folder",
                       "name a folder below it, such as runs/" + path.filename().string());
  }

  Diagnostics& diagnostics_;
  bool has_validation_ = false;
};

}  // namespace

const char* split_name(Split split) { return kSplitNames[static_cast<std::size_t>(split)].c_str(); }
const char* metric_name(Metric metric) { return kMetrics[static_cast<std::size_t>(metric)].c_str(); }

void find_data_file(DataSpec& data, const DataPlaces& places, Diagnostics& diagnostics) {
  const NamedAt& file = data.file;
  const FileBelow found = find_below(file.name, places.folders);
  data.path = found.path;
  if (!found.path.empty()) return;
  if (found.leads_out) {
    diagnostics.error("E0901", file.source, "train.data.file: '" + file.name + "' leads out of the model's folder",
                      "put the file beside the model, or a folder below it");
    return;
  }
  for (const BuiltInData& known : places.built_in) {
    if (known.name != file.name) continue;
    data.text = known.text;
    return;
  }
  std::string where;
  for (const std::string& folder : places.folders) where += (folder.empty() ? std::string(".") : folder) + " or ";
  where += "among the data that come with Tapeloop";
  diagnostics.error("E0806", file.source, "train.data.file: there is no '" + file.name + "' in " + where,
                    "the path is relative to the folder of the model");
}

TrainSpec read_train_spec(const Tree& train, const DataPlaces& places, Diagnostics& diagnostics) {
  TrainSpec spec;
  Reader(diagnostics).read(train, spec);
  if (!spec.data.file.name.empty()) find_data_file(spec.data, places, diagnostics);
  find_start_files(spec.start, places.folders, diagnostics);
  return spec;
}

}  // namespace tapeloop
