// What threads may share: a model, and its plan. What each has for itself: a run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <thread>
#include <vector>

#include "models/facade/tapeloop.h"

namespace tapeloop {
namespace {

SessionOptions three_features() {
  SessionOptions options;
  options.shapes = {{"x", {3}}};
  options.cotangents = true;
  options.seed = 1;
  return options;
}

Batch<float> batch_of(std::int64_t rows, std::int64_t steps) {
  Batch<float> batch;
  batch.rows = rows;
  Array<float> x{{rows, steps, 3}, {}};
  for (std::int64_t k = 0; k < rows * steps * 3; ++k) x.data.push_back(std::sin(0.5F * static_cast<float>(k)));
  batch.inputs["x"] = x;
  return batch;
}

// Forward and backward in a run of its own, some times over: the values and the gradients of the last time.
std::vector<float> numbers_of(const std::shared_ptr<const Plan>& plan, const Parameters<float>& parameters, const Batch<float>& batch) {
  RunOptions options;
  options.threads = 2;  // of each run
  Run<float> run(plan, options);
  for (std::size_t k = 0; k < plan->parameters.size(); ++k) run.bind_parameter(plan->parameters[k], parameters.values(k).data());
  std::vector<float> numbers;
  for (int again = 0; again < 20; ++again) {
    run.forward(batch);
    const Array<float> h = run.value(plan->outputs[0].node);
    run.backward({{plan->outputs[0].name, h}});
    numbers = h.data;
    for (std::size_t k = 0; k < plan->gradients.size(); ++k) {
      const Array<float> gradient = run.gradient_value(k);
      numbers.insert(numbers.end(), gradient.data.begin(), gradient.data.end());
    }
  }
  return numbers;
}

TEST(Sharing, TwoThreadsRunOnePlanWithTheBitsOfOne) {
  const Session<float> session(Model::load("gru", {"options.units=24"}), three_features());
  const auto plan = std::make_shared<const Plan>(session.plan());
  const auto numbers = [&](const Batch<float>& batch) { return numbers_of(plan, session.parameters(), batch); };
  const std::vector<Batch<float>> batches = {batch_of(20, 9), batch_of(7, 30)};
  const std::vector<std::vector<float>> alone = {numbers(batches[0]), numbers(batches[1])};
  std::vector<std::vector<float>> together(2);
  std::vector<std::thread> threads;
  for (std::size_t k = 0; k < 2; ++k) {
    threads.emplace_back([&, k] { together[k] = numbers(batches[k]); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(together, alone);
}

TEST(Sharing, TwoThreadsCompileOneModel) {
  const Model model = Model::load("lstm", {"options.units=8"});
  const std::string alone = model.plan_text();
  std::vector<std::string> together(2);
  std::vector<std::thread> threads;
  for (std::size_t k = 0; k < 2; ++k) {
    threads.emplace_back([&, k] { together[k] = model.plan_text(); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(together, ::testing::Each(alone));
}

}  // namespace
}  // namespace tapeloop
