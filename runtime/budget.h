// Memory that a run may take, counted before it is taken: shards announce what they need, from several threads at once.
#pragma once

#include <atomic>
#include <cstdint>

namespace tapeloop {

class Budget {
 public:
  // max_bytes 0: the memory of this machine.
  explicit Budget(std::int64_t max_bytes);

  void clear() { bytes_ = 0; }
  // Throws ModelError (E0711) if what has been announced since clear() is more than may be taken.
  void announce(std::int64_t bytes);
  // The same, with `bytes` besides; they are not remembered.
  void check(std::int64_t bytes) const;

 private:
  std::int64_t max_bytes_;
  std::atomic<std::int64_t> bytes_{0};
};

}  // namespace tapeloop
