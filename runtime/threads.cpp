#include "runtime/threads.h"

#include <sched.h>

#include <algorithm>
#include <utility>

#include "runtime/worker_scope.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tapeloop {
namespace {

// How often a thread looks before it sleeps: a few tens of microseconds, about what waking it would take.
constexpr int kLooks = 1000;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

int cores() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return std::max(CPU_COUNT(&allowed), 1);
  return static_cast<int>(std::max(std::thread::hardware_concurrency(), 1U));
}

}  // namespace

Threads::Threads(int most) : most_(most > 0 ? most : cores()) {}

Threads::~Threads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  begin_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void Threads::share_out(std::int64_t units, Call call, const void* callable) {
  const int wanted = used(units) - 1;
  while (static_cast<int>(workers_.size()) < wanted) {
    const int thread = static_cast<int>(workers_.size()) + 1;
    workers_.emplace_back([this, thread, seen = piece_.load()] { worker(thread, seen); });
  }
  call_ = call;
  callable_ = callable;
  units_ = units;
  next_ = 0;
  failed_ = false;
  working_ = static_cast<int>(workers_.size());
  {
    const std::lock_guard lock(mutex_);
    ++piece_;
  }
  begin_.notify_all();
  take_part(0);
  for (int look = 0; look < kLooks && working_ > 0; ++look) pause();
  if (working_ > 0) {
    std::unique_lock lock(mutex_);
    end_.wait(lock, [&] { return working_ == 0; });
  }
  if (failed_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

// Workers beyond the number of units find none left.
void Threads::take_part(int thread) {
  while (!failed_) {
    // Units have nothing to do with each other, so no order is asked for: with one, the thread sanitizer would not see it if they had.
    const std::int64_t unit = next_.fetch_add(1, std::memory_order_relaxed);
    if (unit >= units_) return;
    try {
      call_(callable_, unit, thread);
    } catch (...) {
      note_failure(unit);
    }
  }
}

// All units below one that fails have been begun, so the lowest failure does not depend on who was faster.
void Threads::note_failure(std::int64_t unit) {
  const std::lock_guard lock(mutex_);
  if (failed_ && failed_unit_ < unit) return;
  failed_unit_ = unit;
  failure_ = std::current_exception();
  failed_ = true;
}

bool Threads::begun(std::uint64_t seen) {
  for (int look = 0; look < kLooks; ++look) {
    if (piece_ != seen || stopping_) return !stopping_;
    pause();
  }
  std::unique_lock lock(mutex_);
  begin_.wait(lock, [&] { return piece_ != seen || stopping_; });
  return !stopping_;
}

void Threads::worker(int thread, std::uint64_t seen) {
  const WorkerScope scope;
  while (begun(seen)) {
    ++seen;
    take_part(thread);
    if (--working_ > 0) continue;
    const std::lock_guard lock(mutex_);
    end_.notify_one();
  }
}

}  // namespace tapeloop
