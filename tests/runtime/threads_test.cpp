#include "runtime/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/worker_scope.h"
#include "tests/allocations.h"

namespace tapeloop::test {
namespace {

TEST(Threads, EveryUnitIsDoneOnce) {
  Threads threads(3);
  for (const std::int64_t units : {0, 1, 2, 3, 1000}) {
    std::vector<std::atomic<int>> done(static_cast<std::size_t>(units));
    threads.for_each(units, [&](std::int64_t unit, int thread) {
      EXPECT_LT(thread, threads.used(units));
      ++done[static_cast<std::size_t>(unit)];
    });
    for (const std::atomic<int>& times : done) EXPECT_EQ(times, 1);
  }
}

TEST(Threads, WorkAtTheSameTime) {
  Threads threads(2);
  std::atomic<int> arrived{0};
  threads.for_each(2, [&](std::int64_t, int) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();  // never ends unless the other is there
  });
  EXPECT_EQ(arrived, 2);
}

TEST(Threads, TheErrorOfTheLowestUnitReachesTheCaller) {
  Threads threads(3);
  for (int again = 0; again < 50; ++again) {
    try {
      threads.for_each(40, [](std::int64_t unit, int) {
        if (unit >= 7) throw std::runtime_error(std::to_string(unit));
      });
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "7");
    }
  }
  std::atomic<int> done{0};
  threads.for_each(40, [&](std::int64_t, int) { ++done; });
  EXPECT_EQ(done, 40);  // an error leaves nothing behind
}

TEST(Threads, DenormalsAreFlushedInAllOfThem) {
  const WorkerScope scope;
  Threads threads(2);
  std::atomic<int> arrived{0};
  volatile float least = std::numeric_limits<float>::min();
  threads.for_each(2, [&](std::int64_t, int) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
    EXPECT_EQ(least * 0.5F, 0.0F);
  });
}

TEST(Threads, NothingIsAllocatedOnceTheyRun) {
  Threads threads(3);
  std::atomic<std::int64_t> sum{0};
  const auto work = [&](std::int64_t unit, int) { sum += unit; };
  threads.for_each(10, work);
  const AllocationCount allocations;
  for (int again = 0; again < 100; ++again) threads.for_each(10, work);
  EXPECT_EQ(allocations.all(), 0);
  EXPECT_EQ(sum, 101 * 45);
}

}  // namespace
}  // namespace tapeloop::test
