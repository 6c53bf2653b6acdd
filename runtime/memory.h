// Memory for numbers that are walked over row by row: on large pages, where the system has them, so that the processor looks up few.
#pragma once

#include <cstddef>

namespace tapeloop {

inline constexpr std::size_t kAlignment = 64;  // bytes: a line of cache

// Throws std::bad_alloc.
void* allocate(std::size_t bytes);
void release(void* memory);

}  // namespace tapeloop
