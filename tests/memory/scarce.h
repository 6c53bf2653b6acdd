// A heap that runs out on demand: operator new of this program counts, and fails when it is told to.
#pragma once

#include <cstdint>

namespace tapeloop::scarce {

// Calls of operator new from here on are counted from 1; the one of that number throws std::bad_alloc. 0: none does.
void fail_at(std::int64_t call);
std::int64_t calls();  // since then
std::int64_t live();   // blocks that were taken and not given back

}  // namespace tapeloop::scarce
