// The commands of the tool: what each is asked, and what runs it. A command returns its exit status; ModelError and FileError are
// caught in tapeloop.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tapeloop::tool {

struct DiagnosticsStyle;  // tools/report.h

inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kBadModel = 3;  // or data
inline constexpr int kFileSystem = 4;

// What every command takes.
struct Request {
  std::string model;                    // a file, or the name of a built-in model
  std::vector<std::string> key_values;  // options.layers=5 train.optimizer.lr=1e-3
  std::string mode = "train";           // train, eval or decode
  bool json = false;
  std::optional<int> threads;  // at once; 0: as many as there are cores

  // For a training: --threads is its key of that name.
  std::vector<std::string> training_values() const {
    std::vector<std::string> values = key_values;
    if (threads) values.push_back("train.threads=" + std::to_string(*threads));
    return values;
  }
};

struct TrainRequest : Request {
  std::string folder;      // where the run leaves its files; empty: as train.folder says
  std::string resume;      // the folder of a run to go on with; empty: none. Then the model may be left out
  bool overwrite = false;  // what another run left in the folder
};
int train_command(const TrainRequest& request);

struct UseRequest : Request {
  std::string weights;  // a file, or the folder of a run
  std::string split = "test";
  std::vector<std::string> texts;  // of predict --mode decode: instead of the split
  std::int64_t samples = 0;        // of predict --mode decode: that many texts of a model that reads nothing; 0: no
  std::uint64_t seed = 1;          // of what is drawn
};
int eval_command(const UseRequest& request);
int predict_command(const UseRequest& request);

struct RunRequest : Request {
  std::string feed;
  std::string weights;  // a file, or the folder of a run; empty: the feed has the parameters
  std::string loss;
  std::vector<std::string> watch;
  std::vector<std::string> without;
  std::uint64_t seed = 0;
  std::int64_t chunks = 0;
  bool gradients = false;
  bool f64 = false;
  bool reference = false;
};
int run_command(const RunRequest& request);

struct PlanRequest : Request {
  std::string format = "text";  // text, json or dot
  std::string after;            // a pass; empty: the plan
  std::vector<std::string> without;
  bool recompute = false;
  bool step = false;
  bool no_source = false;
};
int plan_command(const PlanRequest& request, const DiagnosticsStyle& style);

// True if all can be left out; else says on stderr which cannot, and what can. For --without.
bool are_optimisations(const std::vector<std::string>& names);

struct GradflowRequest : Request {
  std::string from, to, along;
  std::string feed;  // empty: inputs drawn at random
  std::string weights;
  std::string csv, svg;  // files
  std::uint64_t seed = 1;
  std::int64_t rows = 1;
  std::int64_t length = 20;
  bool exact = false;
};
int gradflow_command(const GradflowRequest& request);

struct ProfileRequest : Request {
  std::string feed;  // empty: numbers drawn at random
  std::vector<std::string> without;
  std::int64_t rows = 32;
  std::int64_t length = 100;
  std::int64_t sizes = 64;  // that the model leaves open
  bool forward_only = false;
};
int profile_command(const ProfileRequest& request);

int summary_command(const Request& request);
int check_command(const Request& request, const DiagnosticsStyle& style);

struct VerifyRequest : Request {
  std::string feed;       // empty: numbers drawn at random
  std::string save_feed;  // where to write them; empty: nowhere
  std::uint64_t seed = 1;
};
int verify_command(const VerifyRequest& request);

struct SelftestRequest {
  double seconds = 60;
  int threads = 0;  // at once; 0: as many as there are cores
  bool json = false;
};
int selftest_command(const SelftestRequest& request);

struct ExplainRequest {
  std::string code;  // empty: all of them, a line each
  bool json = false;
};
int explain_command(const ExplainRequest& request);

struct OpsRequest {
  std::string name;  // empty: all of them, a line each
  bool json = false;
};
int ops_command(const OpsRequest& request);

int quickstart_command(bool json);

}  // namespace tapeloop::tool
