// Whole plans, line by line. After a change that is meant to change them: TAPELOOP_WRITE_GOLDEN=1 tests_compiler, then read the diff.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "compiler/dump.h"
#include "tests/compiler/compiled.h"

namespace tapeloop {
namespace {

struct Golden {
  const char* name;
  const char* model;
  std::vector<std::string> without;
  Mode mode = Mode::kTrain;
};

void PrintTo(const Golden& golden, std::ostream* out) { *out << golden.name; }

class GoldenPlan : public testing::TestWithParam<Golden> {};

std::filesystem::path golden_path(const std::string& name) {
  return std::filesystem::path(TAPELOOP_SOURCE_DIR) / "tests/data/plans" / (name + ".txt");
}

std::string read_file(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST_P(GoldenPlan, IsAsItWasRead) {
  DumpOptions options;
  options.source = false;
  options.step = true;
  CompileOptions compiling;
  compiling.without = GetParam().without;
  compiling.mode = GetParam().mode;
  compiling.gradients = compiling.mode == Mode::kTrain;
  const std::string found = dump_text(compile_file(GetParam().model, compiling).plan, options);
  const std::filesystem::path path = golden_path(GetParam().name);
  if (std::getenv("TAPELOOP_WRITE_GOLDEN")) std::ofstream(path) << found;
  EXPECT_EQ(found, read_file(path)) << path;
}

// Op by op, and as they run by default.
const std::vector<std::string> kOneByOne{"fuse_points", "fuse_products", "sink"};
INSTANTIATE_TEST_SUITE_P(Plans, GoldenPlan,
                         testing::Values(Golden{"gru", "models/cells/gru.yaml", kOneByOne},
                                         Golden{"gru_fused", "models/cells/gru.yaml", {}},
                                         Golden{"lstm", "models/cells/lstm.yaml", kOneByOne},
                                         Golden{"lstm_fused", "models/cells/lstm.yaml", {}},
                                         Golden{"min_gru_fused", "bench/models/min_gru.yaml", {}},
                                         Golden{"cascade_reset", "tests/data/reference/models/cascade_reset.yaml", kOneByOne},
                                         Golden{"cascade_carry", "tests/data/reference/models/cascade_carry.yaml", kOneByOne},
                                         // One file: the logits are in bulk after the scan, or in its step.
                                         Golden{"seq2seq_train", "models/systems/seq2seq.yaml", {}},
                                         Golden{"seq2seq_decode", "models/systems/seq2seq.yaml", {}, Mode::kDecode},
                                         Golden{"set_of_sequences", "tests/data/reference/models/set_of_sequences.yaml", kOneByOne}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace tapeloop
