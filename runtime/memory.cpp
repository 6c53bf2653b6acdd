#include "runtime/memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <new>

namespace tapeloop {
namespace {

constexpr std::size_t kLargePage = std::size_t{1} << 21;

std::size_t round_up(std::size_t bytes, std::size_t to) { return (bytes + to - 1) / to * to; }

}  // namespace

void* allocate(std::size_t bytes) {
  const std::size_t alignment = bytes < kLargePage ? kAlignment : kLargePage;
  void* memory = std::aligned_alloc(alignment, round_up(bytes, kAlignment));
  if (!memory) throw std::bad_alloc();
  // A wish: whether it is granted changes nothing but the time.
  if (bytes >= kLargePage) static_cast<void>(madvise(memory, round_up(bytes, 4096), MADV_HUGEPAGE));
  return memory;
}

void release(void* memory) { std::free(memory); }

}  // namespace tapeloop
