// Counts what the program takes from the heap, on all its threads, for tests that something takes nothing.
#pragma once

#include <cstdint>

namespace tapeloop {

class AllocationCount {
 public:
  AllocationCount();
  // Since the counter was made: calls of operator new, and those together with malloc and its kin (a library's too).
  std::int64_t news() const;
  std::int64_t all() const;
  // False where the allocator belongs to somebody else (a sanitizer): counts stay 0 there.
  static bool works();

 private:
  std::int64_t news_before_ = 0;
  std::int64_t all_before_ = 0;
};

}  // namespace tapeloop
