// Counts what is allocated on the heap, by this thread, while a counter lives.
#pragma once

#include <cstdint>

namespace tapeloop {

class AllocationCount {
 public:
  AllocationCount();
  ~AllocationCount();
  AllocationCount(const AllocationCount&) = delete;
  AllocationCount& operator=(const AllocationCount&) = delete;
  std::int64_t count() const;
  // False where the allocator cannot be watched (under a sanitizer).
  static bool works();
};

}  // namespace tapeloop
