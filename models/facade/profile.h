// Where the time of a model's run goes, instruction by instruction, beside what this machine can do.
//
//   const Profile profile = profile_model(Model::load("gru"), {.rows = 64});
//   profile.instructions.front()      the most expensive one, with its advice
//
// Forward and backward on one thread, in float, several times. A clock is read at every instruction, about 30 ns each, which is
// in its time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/facade/feed.h"
#include "models/facade/model.h"

namespace tapeloop {

struct ProfileOptions {
  Mode mode = Mode::kTrain;
  std::vector<std::string> without;
  std::optional<Feed> feed;  // none: random numbers of the sizes below
  std::int64_t rows = 32;
  std::int64_t length = 100;     // of each run along an axis whose lengths are data
  std::int64_t free_sizes = 64;  // what sizes are that the model leaves open
  bool gradients = true;         // backward too
  double seconds = 1;            // of measuring; at least three runs
};

// What this machine did when asked for nothing else.
struct Machine {
  double gflops = 0;  // a product [256, 256] [256, 256], one thread
  double gbytes = 0;  // a second, read and written: a copy of more than any cache holds
};
Machine measure_machine();

struct ProfiledInstruction {
  std::string text;     // "r#2 = h_tm1 @ r.linear.h_tm1"; of a fused program its last equation
  std::size_t ops = 1;  // equations in it
  std::string op;       // "product"
  std::string where;    // "forward, scan t"
  std::string source;   // "gru.yaml:7", or ""
  double calls = 0;     // of one run, as all that follow
  double points = 0;
  double ms = 0;
  std::int64_t k = 0, n = 0;  // of a product: [points, k] by [k, n]
  double share = 0;           // of all instructions' time, 0 .. 1
  double mflops = 0;          // millions
  double mbytes = 0;          // millions, read and written; what is in P (weights, and what is summed into them) once a call
  double gflops = 0;          // a second
  double gbytes = 0;          // a second
  double peak = 0;            // as a part of the machine's: gflops of a product, gbytes of all else; above 1: out of a cache
  std::string advice;         // one line, of hot spots only
};

struct Profile {
  std::string model;
  Machine machine;
  std::int64_t runs = 0;
  double forward_ms = 0, backward_ms = 0;         // of whole calls: what is not in the instructions is packing the batch
  std::vector<ProfiledInstruction> instructions;  // the most expensive first
};

// Throws ModelError: what is wrong with the model, or how the feed does not fit it.
Profile profile_model(const Model& model, const ProfileOptions& options = {});

// One line about what bounds the instruction and what would help, from its figures alone.
std::string advice_for(const ProfiledInstruction& instruction, const Machine& machine);

}  // namespace tapeloop
