// Counts what the program takes from the heap, for tests that something takes nothing.
#pragma once

#include <cstdint>

namespace tapeloop::test {

// Calls of operator new since the program began, and of malloc and its kin as well (0 under a sanitizer, which has its own).
std::int64_t news();
std::int64_t mallocs();

}  // namespace tapeloop::test
