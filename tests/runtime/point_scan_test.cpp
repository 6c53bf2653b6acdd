// Recurrences run in one pass, and several positions a step, take nothing from the heap once their largest batch has been seen.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "compiler/frontend/container_reader.h"
#include "models/facade/session.h"
#include "tests/allocations.h"

namespace tapeloop::test {
namespace {

// The same number of rows with other lengths.
Batch<float> batch_of(unsigned seed) {
  constexpr std::int64_t kRows = 9, kSteps = 30, kUnits = 20;
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> any(-1, 1);
  Batch<float> batch;
  batch.rows = kRows;
  Array<float>& x = batch.inputs["x"] = {{kRows, kSteps, kUnits}, {}};
  for (std::int64_t k = 0; k < kRows * kSteps * kUnits; ++k) x.data.push_back(any(random));
  for (std::int64_t row = 0; row < kRows; ++row)
    batch.lengths["t"].push_back(row == 0 ? kSteps : static_cast<std::int32_t>(random() % kSteps));
  return batch;
}

TEST(PointScan, TakesNothingFromTheHeapAfterTheFirstBatch) {
  if (!AllocationCount::works()) GTEST_SKIP() << "the allocator cannot be watched here";
  for (const char* node : {"sigmoid(x) * h_tm1 + w * x", "tanh(h_tm1 + w * x)", "h_tm2 + w * x", "tanh(linear(x, h_tm3, units=20))"}) {
    const std::string text = std::string("tapeloop: 1\ninputs: {x: {shape: [20]}}\nparameters: {w: [20]}\nnodes:\n  h: ") + node +
                             "\n  loss: sum(w * h, along=shape)\noutputs: [h]\nloss: loss\n";
    Diagnostics diagnostics;
    std::optional<Container> container = read_container(text, "recurrence.yaml", "", diagnostics);
    raise_errors(diagnostics);
    SessionOptions options;
    options.mode = Mode::kTrain;
    options.threads = 1;
    Session<float> session(Model(*std::move(container)), options);
    const Batch<float> batches[] = {batch_of(1), batch_of(2)};
    for (const Batch<float>& batch : batches) {
      session.forward(batch);
      session.backward();
    }
    const AllocationCount allocations;
    for (const Batch<float>& batch : batches) {
      session.forward(batch);
      session.backward();
    }
    EXPECT_EQ(allocations.all(), 0) << node;
  }
}

}  // namespace
}  // namespace tapeloop::test
