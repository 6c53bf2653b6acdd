// What runs out, and what must not grow.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <string>

#include "compiler/frontend/container_reader.h"
#include "models/facade/train.h"
#include "tests/memory/scarce.h"
#include "tests/sanitized.h"

namespace tapeloop {
namespace {

constexpr const char* kModel = R"(tapeloop: 1
inputs: {x: {shape: [1]}, target: {axes: [], shape: [1]}}
nodes:
  h: gru(x, units=3)
  y: linear(dropout(last(h, along=t), rate=0.3), units=1)
  error: mse(y, target)
outputs: [y]
loss: error
train:
  data:
    file: sunspots.csv
    window: 4
    inputs: {x: {columns: [sunspots]}, target: {columns: [sunspots], at: next}}
    split: {column: year, train: [1900, 1920], validation: [1921, 1925]}
  batch: 7
  epochs: 1
  threads: 1
)";

Training training_of(const std::string& yaml, const std::vector<std::string>& key_values = {}) {
  Diagnostics diagnostics;
  const auto container = read_container(yaml, "m.yaml", "", diagnostics);
  raise_errors(diagnostics);
  return Training(Model(*container, key_values));
}

// Load, compile, three steps, a validation and a checkpoint.
void load_and_train() {
  const Training training = training_of(kModel);
  Trainer<float> trainer = training.trainer(1);
  Callbacks callbacks;
  callbacks.checkpoint = [&] { encode_safetensors(trainer.checkpoint()); };
  trainer.fit(training.data(), callbacks);
  if (trainer.steps() != 3) throw std::logic_error("three steps were expected");
}

std::int64_t number(const char* variable, std::int64_t otherwise) {
  const char* text = std::getenv(variable);
  return text ? std::atoll(text) : otherwise;
}

// Each in its turn fails: that is said, nothing else, and nothing is kept of what was begun.
TEST(Memory, ThatRunsOutIsSaidAndNothingLeaks) {
  for (int k = 0; k < 2; ++k) load_and_train();  // what is made once is there
  constexpr std::size_t kSaid = 4000;
  std::string other;
  other.reserve(kSaid);  // so that it takes nothing while it is counted
  scarce::fail_at(0);
  const std::int64_t before = scarce::live();
  load_and_train();
  const std::int64_t calls = scarce::calls();
  ASSERT_EQ(scarce::live(), before);
  ASSERT_GT(calls, 1000);
  const std::int64_t every = number("TAPELOOP_ALLOCATIONS", 17);
  std::int64_t went_on = 0;
  for (std::int64_t call = 1; call <= calls; call += every) {
    bool ran_out = false;
    other.clear();
    scarce::fail_at(call);
    try {
      load_and_train();
      ran_out = true;  // sorting does without the memory that it would be faster with
      ++went_on;
    } catch (const std::bad_alloc&) {
      ran_out = true;
    } catch (const std::exception& error) {
      other.assign(error.what(), std::min<std::size_t>(std::strlen(error.what()), kSaid));
      ran_out = other.find("memory") != std::string::npos;  // so says the reader of YAML
    }
    scarce::fail_at(0);
    ASSERT_TRUE(ran_out) << other << ": allocation " << call << " of " << calls;
    ASSERT_EQ(scarce::live(), before) << "allocation " << call << " of " << calls;
  }
  EXPECT_LT(went_on, 1 + calls / every / 50);
  RecordProperty("allocations", std::to_string(calls));
}

std::int64_t resident_pages() {
  std::ifstream file("/proc/self/statm");
  std::int64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident;
}

// Batches of all sizes and lengths, and a checkpoint now and then.
TEST(Memory, DoesNotGrowWithTheSteps) {
  const Training training = training_of(kModel);
  Trainer<float> trainer = training.trainer(1);
  Batch<float> batch;
  const auto steps = [&](std::int64_t count) {
    for (std::int64_t k = 0; k < count; ++k) {
      std::vector<std::uint32_t> numbers;
      for (std::uint32_t row = 0; row <= k % 20; ++row) numbers.push_back(row);
      training.data().fill(Split::kTrain, numbers, batch);
      for (std::size_t row = 0; row < numbers.size(); ++row) batch.lengths["t"][row] = 1 + static_cast<std::int32_t>((row + k) % 4);
      trainer.step(batch);
      if (k % 5000 == 0) encode_safetensors(trainer.checkpoint());
    }
  };
  const std::int64_t count = number("TAPELOOP_STEPS", 20000);
  steps(count / 20);
  const std::int64_t blocks = scarce::live(), pages = resident_pages();
  steps(count);
  EXPECT_EQ(scarce::live(), blocks);
  if (is_sanitized()) GTEST_SKIP() << "a sanitizer keeps what is given back";
  EXPECT_LE(static_cast<double>(resident_pages()), 1.01 * static_cast<double>(pages));
  RecordProperty("pages_before", std::to_string(pages));
  RecordProperty("pages_after", std::to_string(resident_pages()));
}

}  // namespace
}  // namespace tapeloop
