#include "models/facade/train.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "models/facade/built_in_models.h"
#include "models/facade/checkpoint.h"
#include "models/facade/not_finite.h"
#include "models/facade/tree_text.h"
#include "runtime/training/atomic_file.h"
#include "runtime/training/run_folder.h"

namespace tapeloop {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Parameters with rate 0 stay as they are: their gradients are left out of the plan.
CompileOptions options_for(const TrainSpec& spec, const Dataset& data, Mode mode) {
  CompileOptions options;
  options.frozen = [rates = spec.rates](std::string_view name) { return rate_of(rates, name) == 0; };
  options.mode = mode;
  options.gradients = mode == Mode::kTrain;
  for (const InputForm& form : data.forms()) options.fed_shapes[form.name] = form.shape;
  for (const ScheduledInput& input : spec.inputs) options.fed_shapes[input.input.name] = {};
  for (const auto& [name, vocabulary] : data.vocabularies()) options.fed_sizes[name] = static_cast<std::int64_t>(vocabulary.size());
  return options;
}

constexpr const char* kVocabularies = "vocabularies.json";
constexpr const char* kSeedFolder = "seed_";  // of each, where there are several

// Everything that a training needs, each part only if those before it are good.
struct Parts {
  Tree section;
  TrainSpec spec;
  std::unique_ptr<Dataset> data;
  Plan train, eval;
  Plan decode;  // with train.decoding
  ChunkPlans chunks;
  StartArrays start;
};

// In chunks as a whole if the model is causal along t, else each scan by itself. A size that the user names must be possible one way
// or the other, or is refused with what forbids the first; `auto` goes without where neither is.
void keep_less(const Model& model, Parts& parts, Diagnostics& diagnostics) {
  const CompileOptions options = options_for(parts.spec, *parts.data, Mode::kTrain);
  Diagnostics not_causal, unheard;
  parts.chunks = compile_chunks(model, options, false, not_causal);
  if (parts.chunks.chunk) return;
  if (const std::shared_ptr<const Plan> again = compile_recomputing(model, options, unheard)) {
    parts.train = *again;
  } else if (parts.spec.checkpoint->positions > 0) {
    compile_chunks(model, options, false, diagnostics);
  }
}

// A step of a few positions takes their losses alone, so each has to live on t.
void cut_off(const Model& model, const Graph& graph, Parts& parts, Diagnostics& diagnostics) {
  const auto on_t = [&](NodeId id) {
    for (const AxisId axis : graph[id].space.axes()) {
      if (graph.axes[static_cast<std::size_t>(axis)].name == "t") return true;
    }
    return false;
  };
  for (const LossTerm& term : graph.losses) {
    if (on_t(term.value)) continue;
    diagnostics.error("E0808", parts.spec.truncate->source,
                      "train.truncate makes steps of the losses of a few positions of t, and '" + graph[term.value].name + "' (" +
                          term.source.text() + ") has no t",
                      "leave train.truncate out, or take a loss of each position");
  }
  parts.chunks = compile_chunks(model, options_for(parts.spec, *parts.data, Mode::kTrain), false, diagnostics);
}

// Batches count by the positions that their loss is a mean of, so it has to be one mean.
void check_accumulation(const std::vector<LossDecl>& losses, const Parts& parts, Diagnostics& diagnostics) {
  const Tree* accumulate = parts.section.find("accumulate");
  if (!accumulate || parts.spec.accumulate == 1 || losses.empty()) return;
  if (losses.size() == 1 && !losses.front().sum && losses.front().weights.empty()) return;
  diagnostics.error(
      "E0808", accumulate->source,
      "train.accumulate makes one step of several batches as if they were one, which it can for a loss that is one mean without "
      "weights; this one is a sum, weighted, or has several terms",
      "leave accumulate out and take a larger batch");
}

// Inner values that metrics ask for are outputs of this plan.
Plan compile_evaluation(const Model& model, const Parts& parts, Diagnostics& diagnostics) {
  CompileOptions options = options_for(parts.spec, *parts.data, Mode::kEval);
  for (const MetricsSpec& metrics : parts.spec.metrics) options.keep.push_back(metrics.output.name);
  Compiled compiled = model.compile_into(diagnostics, options);
  Plan& plan = compiled.plan;
  for (const auto& [name, node] : compiled.kept) {
    const auto is = [&, name = name](const OutputRef& output) { return output.name == name; };
    if (std::none_of(plan.outputs.begin(), plan.outputs.end(), is)) plan.outputs.push_back({name, node});
  }
  return std::move(plan);
}

// What ends a search is an output of this plan.
Plan compile_decoding(const Model& model, const Parts& parts, Diagnostics& diagnostics) {
  CompileOptions options = options_for(parts.spec, *parts.data, Mode::kDecode);
  for (const auto& axis : model.container().axes) {
    const LengthDecl& length = axis.value.length_in(Mode::kDecode);
    const Expression* until = axis.is_block() || !length.beam ? nullptr : length.until.get();
    if (until && until->kind == Expression::Kind::kName && until->taps.empty()) options.keep.push_back(until->text);
  }
  Compiled compiled = model.compile_into(diagnostics, options);
  for (const auto& [name, node] : compiled.kept) compiled.plan.outputs.push_back({kSearchEnd, node});
  return std::move(compiled.plan);
}

// Where nothing tells a size of the model, a vocabulary that is no size of it was meant to, by another name.
void check_vocabularies(const Model& model, const Parts& parts, Diagnostics& diagnostics) {
  if (parts.train.executable) return;
  CompileOptions options = options_for(parts.spec, *parts.data, Mode::kTrain);
  options.fed_sizes.clear();
  Diagnostics unheard;
  const std::vector<std::string> sizes = model.compile_into(unheard, options).plan.free_sizes;
  if (unheard.has_errors()) return;
  std::vector<std::string> known = sizes;
  for (const auto& option : model.container().options) known.push_back(option.key);
  std::set<std::string> seen;
  for (const DataInput& input : parts.spec.data.inputs) {
    const std::string& name = input.tokens.name;
    if (name.empty() || !seen.insert(name).second || std::find(known.begin(), known.end(), name) != known.end()) continue;
    diagnostics.error("E0810", input.tokens.source,
                      fmt::format("the vocabulary '{}' has {} tokens, and the model has no size of that name{}", name,
                                  parts.data->vocabularies().at(name).size(), did_you_mean(name, parts.train.free_sizes)),
                      fmt::format("write it where the model says how many tokens there are: [{0}, 8], units={0}", name));
  }
}

Parts read_parts(const Model& model, const Vocabularies& known, Diagnostics& diagnostics) {
  Parts parts;
  parts.section = apply_overrides(*model.container().train, model.training_values(), diagnostics);
  parts.spec = read_train_spec(parts.section, data_places(model), diagnostics);
  check_accumulation(model.container().losses, parts, diagnostics);
  if (diagnostics.has_errors()) return parts;
  parts.data = read_dataset(parts.spec.data, known, diagnostics);
  if (diagnostics.has_errors()) return parts;
  Compiled train = model.compile_into(diagnostics, options_for(parts.spec, *parts.data, Mode::kTrain));
  parts.train = std::move(train.plan);
  parts.eval = compile_evaluation(model, parts, diagnostics);
  if (parts.spec.decoding) parts.decode = compile_decoding(model, parts, diagnostics);
  if (diagnostics.has_errors()) return parts;
  check_vocabularies(model, parts, diagnostics);
  check_fit(parts.spec, *parts.data, parts.train, parts.eval, diagnostics);
  if (parts.train.executable)
    parts.start = start_values(parts.spec.start, parameter_specs(parts.train), parts.data->vocabularies(), diagnostics);
  if (parts.spec.checkpoint && !diagnostics.has_errors()) keep_less(model, parts, diagnostics);
  if (parts.spec.truncate && !diagnostics.has_errors()) cut_off(model, train.graph, parts, diagnostics);
  return parts;
}

// What cannot be asked is no answer: a training would begin anew.
bool is_there(const std::string& path) {
  std::error_code error;
  const bool there = std::filesystem::exists(path, error);
  if (error) throw FileError("E0903", path, "cannot read: " + error.message());
  return there;
}

// What an earlier training left there is its own: it goes on under another name, if at all.
void set_aside(const std::string& checkpoint) {
  if (!is_there(checkpoint)) return;
  std::error_code error;
  std::filesystem::rename(checkpoint, checkpoint + ".prev", error);
  if (error) throw FileError("E0902", checkpoint, "cannot set it aside: " + error.message());
}

// What a run came to is not lost by asking for another one; nor do two stand in one folder, whose configuration is that of one.
void check_free(const std::string& folder) {
  std::vector<std::string> folders{folder};
  std::error_code ignored;  // there is none
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string().starts_with(kSeedFolder)) folders.push_back(entry.path().string());
  }
  std::sort(folders.begin(), folders.end());
  std::string found;
  for (const std::string& one : folders) {
    for (const std::string& name : results_in(one)) found += (found.empty() ? "" : ", ") + name;
  }
  if (found.empty()) return;
  throw FileError("E0911", folder, "holds what a training left: " + found,
                  fmt::format("--resume {} goes on with it, --folder puts this one elsewhere, --overwrite writes over it", folder));
}

}  // namespace

DataPlaces data_places(const Model& model) {
  DataPlaces places{{}, built_in_data()};
  if (!model.container().folder.empty()) places.folders.push_back(model.container().folder);
  const char* folder = std::getenv("TAPELOOP_DATA");
  places.folders.emplace_back(folder && *folder ? folder : "data");
  return places;
}

Vocabularies read_vocabularies(const std::string& weights) {
  const std::string path = (std::filesystem::path(weights).parent_path() / kVocabularies).string();
  return std::filesystem::exists(path) ? parse_vocabularies(read_whole_file(path), path) : Vocabularies();
}

void check_training(const Model& model, Diagnostics& diagnostics) {
  if (model.container().train) read_parts(model, {}, diagnostics);
}

Training::Training(const Model& model, const Vocabularies& known)
    : model_(model), name_(model.container().name), option_values_(model.option_values()) {
  Diagnostics diagnostics;
  if (!model.container().train) {
    diagnostics.error("E0816", model.container().source, fmt::format("'{}' has no train: section", name_),
                      "add one: models/TRAINING.md says what stands in it");
    raise_errors(diagnostics);
  }
  Parts parts = read_parts(model, known, diagnostics);
  raise_errors(diagnostics);
  warnings_ = diagnostics.sorted();
  section_ = std::move(parts.section);
  spec_ = std::move(parts.spec);
  data_ = std::move(parts.data);
  train_plan_ = std::make_shared<const Plan>(std::move(parts.train));
  eval_plan_ = std::make_shared<const Plan>(std::move(parts.eval));
  if (spec_.decoding) decode_plan_ = std::make_shared<const Plan>(std::move(parts.decode));
  chunks_ = std::move(parts.chunks);
  start_ = std::move(parts.start);
}

Trainer<float> Training::trainer(std::uint64_t seed) const {
  Trainer<float> result(train_plan_, eval_plan_, spec_, seed, chunks_);
  begin_with(start_, result.parameters());
  if (decode_plan_) result.decode_with(decode_plan_);
  result.find_with([model = model_, options = options_for(spec_, *data_, Mode::kTrain)](const Parameters<float>& parameters,
                                                                                        const Batch<float>& batch, std::uint64_t draws) {
    try {
      const std::optional<NotFinite> found = find_not_finite(model, options, parameters, batch, draws);
      return found ? text(*found) : std::string();
    } catch (const ModelError&) {
      return std::string();  // the model cannot be evaluated with all its values: what is known is said without
    }
  });
  return result;
}

std::string Training::resolved_configuration() const {
  std::string text = fmt::format("model: {}\n", name_);
  if (!option_values_.empty()) text += "options:\n";
  for (const Override& option : option_values_) text += fmt::format("  {}: {}\n", option.key, option.value);
  return text + "train:" + tree_text(section_, 1);
}

std::string Training::configuration(const Asked& asked) const {
  return resolved_configuration() + (asked.model.empty() ? "" : asked_text(asked));
}

// One seed's training, and where it leaves its files.
struct Training::SeedRun {
  std::uint64_t seed = 0;
  std::string folder;  // empty: nothing is kept
  const TrainingOptions& options;
  const Origin& origin;
  Trainer<float> trainer;
  std::optional<RunFolder> files = {};
  std::string checkpoint() const { return folder + "/" + kCheckpointFile; }
};

std::string Training::folder_of(std::uint64_t seed, const std::string& folder) const {
  return !folder.empty() && spec_.seeds.size() > 1 ? fmt::format("{}/{}{}", folder, kSeedFolder, seed) : folder;
}

// Where no seed has left a checkpoint there is nothing to go on from.
void Training::check_checkpoints(const std::string& folder) const {
  std::string path;
  for (const std::uint64_t seed : spec_.seeds) {
    path = folder_of(seed, folder) + "/" + kCheckpointFile;
    if (is_there(path)) return;
  }
  const std::string before = checkpoint_before(path);
  throw FileError("E0909", path, "there is no checkpoint to go on from",
                  before.empty() ? "name the folder of a run that was stopped, or train without --resume" : before);
}

TrainingReport Training::run(const TrainingOptions& options) const {
  const auto start = std::chrono::steady_clock::now();
  TrainingReport report;
  Origin origin;
  if (options.save) {
    report.folder = !options.folder.empty() ? options.folder : !spec_.folder.empty() ? spec_.folder : "runs/" + name_;
    if (options.resume) check_checkpoints(report.folder);
    if (!options.resume && !options.overwrite) check_free(report.folder);
    origin = origin_of(model_, spec_, section_, *train_plan_);
  }
  for (const std::uint64_t seed : spec_.seeds) {
    SeedRun run{seed, folder_of(seed, report.folder), options, origin, trainer(seed)};
    prepare(run, report.folder);
    report.outcomes.push_back(run_seed(run, report.interrupted));
    if (report.interrupted) break;
  }
  for (const Split split : kSplits) report.examples[static_cast<std::size_t>(split)] = data_->examples(split);
  report.vocabularies = data_->vocabularies();
  report.seconds = seconds_since(start);
  return report;
}

// A checkpoint is read before anything in the folder is written anew; one that is not wanted stands aside.
void Training::prepare(SeedRun& run, const std::string& folder) const {
  if (run.folder.empty()) return;
  const std::string path = run.checkpoint();
  const bool resumes = run.options.resume && is_there(path);
  if (resumes) {
    const TensorFile checkpoint = load_checkpoint(path);
    const std::string note = check_origin(checkpoint, run.origin, run.seed, path);
    if (!note.empty() && run.options.on_note) run.options.on_note(note);
    try {
      run.trainer.restore(checkpoint, path);
    } catch (const FileError& error) {
      const std::string before = checkpoint_before(path);
      if (before.empty()) throw;
      throw FileError(error.code(), path, "cannot be gone on from: " + std::string(error.what()), before);
    }
  }
  run.files.emplace(run.folder);
  if (run.folder != folder) write_file_atomically(folder + "/config.yaml", configuration(run.options.asked));
  if (!resumes) set_aside(path);
  for (const HistoryRow& row : run.trainer.history()) run.files->add(row);
  run.files->write_config(configuration(run.options.asked));
  const Vocabularies& vocabularies = data_->vocabularies();
  if (!vocabularies.empty()) write_file_atomically(run.files->file(kVocabularies), vocabularies_json(vocabularies));
}

Outcome Training::run_seed(SeedRun& run, bool& interrupted) const {
  const auto start = std::chrono::steady_clock::now();
  Callbacks callbacks;
  if (run.options.on_batch) callbacks.batch = [&](const Progress& progress) { return run.options.on_batch(run.seed, progress); };
  callbacks.note = run.options.on_note;
  callbacks.epoch = [&](const HistoryRow& row) {
    if (run.files) run.files->add(row);
    return !run.options.on_epoch || run.options.on_epoch(run.seed, row);
  };
  if (run.files) {
    callbacks.checkpoint = [&] {
      TensorFile checkpoint = run.trainer.checkpoint();
      stamp(checkpoint, run.origin, run.seed);
      save_safetensors(run.checkpoint(), checkpoint);
    };
  }
  const FitResult<float> fitted = run.trainer.fit(*data_, callbacks);
  interrupted = fitted.interrupted;

  Outcome outcome;
  outcome.seed = run.seed;
  outcome.epochs = static_cast<std::int64_t>(fitted.history.size());
  outcome.best_epoch = fitted.best_epoch;
  outcome.stopped_early = fitted.stopped_early;
  const auto evaluated = [&](Split split) {
    return interrupted || data_->examples(split) == 0 ? NamedNumbers() : run.trainer.evaluate(*data_, split);
  };
  outcome.validation = evaluated(Split::kValidation);
  outcome.test = evaluated(Split::kTest);
  if (run.files) {
    const std::map<std::string, std::string> metadata{{"model", name_}, {"seed", std::to_string(run.seed)}};
    run.files->write_weights("best.safetensors", run.trainer.parameters(), metadata);
    run.files->write_weights("last.safetensors", fitted.last, metadata);
    outcome.weights = run.files->file("best.safetensors");
  }
  outcome.seconds = seconds_since(start);
  return outcome;
}

}  // namespace tapeloop
