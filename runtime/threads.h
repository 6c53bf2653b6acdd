// Threads that share out the units of one piece of work after the other: the caller and workers that wait in between.
//
//   Threads threads(2);
//   threads.for_each(shards, [&](std::int64_t unit, int thread) { .. });    // returns when all units are done
//
// Units are handed out in ascending order to whoever is free, so which thread does which unit is not fixed: a unit's result must not
// depend on it. Workers start when they are first needed; no call after that allocates. Belongs to one thread, its caller.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace tapeloop {

class Threads {
 public:
  // `most`: threads at once, the caller among them, at least 1; 0: as many as this process may use cores.
  explicit Threads(int most);
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  int most() const { return most_; }
  // Threads that for_each would use for so many units.
  int used(std::int64_t units) const { return static_cast<int>(units < most_ ? units : most_); }

  // work(unit, thread) for each unit; 0 <= thread < used(units), 0 is the caller. What a unit throws is thrown here once nobody
  // works any more, that of the lowest unit if there are several; units above it may not have been begun.
  template <class Work>
  void for_each(std::int64_t units, const Work& work) {
    if (used(units) <= 1) {
      for (std::int64_t unit = 0; unit < units; ++unit) work(unit, 0);
      return;
    }
    share_out(
        units, [](const void* of, std::int64_t unit, int thread) { (*static_cast<const Work*>(of))(unit, thread); }, &work);
  }

 private:
  using Call = void (*)(const void* callable, std::int64_t unit, int thread);

  void share_out(std::int64_t units, Call call, const void* callable);
  void take_part(int thread);
  void worker(int thread, std::uint64_t seen);
  bool begun(std::uint64_t seen);
  void note_failure(std::int64_t unit);

  int most_;
  std::vector<std::thread> workers_;

  // The piece of work; written by the caller while all workers wait.
  Call call_ = nullptr;
  const void* callable_ = nullptr;
  std::int64_t units_ = 0;
  std::atomic<std::int64_t> next_{0};    // unit to be begun
  std::atomic<std::uint64_t> piece_{0};  // number of the piece of work: grows when one begins
  std::atomic<int> working_{0};          // workers that have not finished their part of it
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;
  std::condition_variable begin_, end_;
  std::int64_t failed_unit_ = 0;  // under mutex_, like the next
  std::exception_ptr failure_;
  std::atomic<bool> failed_{false};
};

}  // namespace tapeloop
