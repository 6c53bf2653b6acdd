// Training by a model's `train:` section, and the use of what was learned.
//
//   Training training(Model::load("sunspots"));
//   for (const Outcome& outcome : training.run().outcomes) ... outcome.test
//
// For a loop of your own: trainer(seed) gives the Trainer, data() what it learns from.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/facade/model.h"
#include "models/facade/resume.h"
#include "runtime/training/dataset.h"
#include "runtime/training/start_weights.h"
#include "runtime/training/train_spec.h"
#include "runtime/training/trainer.h"

namespace tapeloop {

// What one seed came to.
struct Outcome {
  std::uint64_t seed = 0;
  std::int64_t epochs = 0;  // done
  std::int64_t best_epoch = 0;
  bool stopped_early = false;
  NamedNumbers validation, test;  // loss and metrics of the best parameters; empty where there is no such split
  double seconds = 0;
  std::string weights;  // file of the best parameters; empty if no folder was asked for
};

struct TrainingReport {
  std::vector<Outcome> outcomes;  // by seed
  bool interrupted = false;       // then the last outcome has no results: the training may go on
  std::string folder;
  double seconds = 0;
  std::array<std::size_t, 3> examples{};  // of each split
  Vocabularies vocabularies;              // that tokens were numbered by
};

struct TrainingOptions {
  bool save = true;        // weights, metrics, configuration and checkpoints into `folder`
  std::string folder;      // empty: train.folder, else runs/MODEL
  bool overwrite = false;  // else a folder in which a training has left something is refused (FileError E0911)
  bool resume = false;     // go on from the checkpoints there. FileError E0908 and E0909 for one that does not fit, or if there is none
  Asked asked;             // kept with the configuration, for read_asked; may be empty
  std::function<void(const std::string&)> on_note;  // a sentence that the user should read
  // Called after each batch and epoch; false ends the training (what was learned is saved).
  std::function<bool(std::uint64_t seed, const Progress&)> on_batch;
  std::function<bool(std::uint64_t seed, const HistoryRow&)> on_epoch;
};

class Training {
 public:
  // Reads the section and its data, compiles for training and for evaluation. Throws ModelError (no train: section: E0816) and
  // FileError.
  // Vocabularies that are `known` (of an earlier training, see read_vocabularies) are taken instead of counted.
  explicit Training(const Model& model, const Vocabularies& known = {});

  const TrainSpec& spec() const { return spec_; }
  const Dataset& data() const { return *data_; }
  const Plan& plan() const { return *train_plan_; }
  const std::vector<Diagnostic>& warnings() const { return warnings_; }  // of the section and its data
  std::shared_ptr<const Plan> evaluation_plan() const { return eval_plan_; }
  Trainer<float> trainer(std::uint64_t seed) const;
  // The section with everything that the command line changed, as YAML.
  std::string resolved_configuration() const;

  TrainingReport run(const TrainingOptions& options = {}) const;  // every seed, one after the other

 private:
  struct SeedRun;
  std::string configuration(const Asked& asked) const;
  void prepare(SeedRun& run, const std::string& folder) const;
  void check_checkpoints(const std::string& folder) const;
  std::string folder_of(std::uint64_t seed, const std::string& folder) const;
  Outcome run_seed(SeedRun& run, bool& interrupted) const;

  Model model_;
  std::string name_;
  Tree section_;
  std::vector<Override> option_values_;
  std::vector<Diagnostic> warnings_;
  TrainSpec spec_;
  std::unique_ptr<Dataset> data_;
  std::shared_ptr<const Plan> train_plan_, eval_plan_;
  std::shared_ptr<const Plan> decode_plan_;  // with train.decoding; else null
  ChunkPlans chunks_;                        // of train_plan_, with train.memory.checkpoint; else none
  StartArrays start_;                        // parameters that train.start names
};

// Reports what is wrong with the train: section, its data, and how they fit the model; nothing if there is no such section.
void check_training(const Model& model, Diagnostics& diagnostics);

// The vocabularies that a training left beside its weights; none, if it left none. Throws FileError.
Vocabularies read_vocabularies(const std::string& weights);

// Where data files of the model may be: its own folder, then the data folder, $TAPELOOP_DATA or else data/ below the current one, then the
// data that come with Tapeloop.
DataPlaces data_places(const Model& model);

}  // namespace tapeloop
